// Namespaces: the tree, the policy in effect with the source of each value, and changing it.

import { Button } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import { usePolled } from '../../hooks/use-polled.ts';
import { Empty } from '../../parts/empty.tsx';
import { Page } from '../../parts/page.tsx';
import { Age } from '../../parts/times.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';
import { useSession } from '../../session/session.tsx';
import { usePermissions } from '../../session/use-permissions.ts';
import { useScope } from '../../shell/scope.tsx';
import { Editor } from './editor.tsx';
import { PolicyTable } from './policy-table.tsx';
import { Tree } from './tree.tsx';

const ReviewDialog = lazy(async () => import('./review.tsx'));

export default function NamespacesPage() {
  const scope = useScope();
  const [version, setVersion] = useState(0);
  return (
    <Page title="Namespaces" about="Each inherits what its own policy leaves open from the one above it.">
      <div className="namespaces">
        <Tree chosen={scope} version={version} />
        {scope === '' ? (
          <div className="card">
            <Empty
              title="Choose a namespace, or write a new name above."
              commands={['onced namespaces list', 'onced namespaces set payments lease=10s --reason "short calls"']}
            >
              <p>A namespace needs no policy to be used. The same from a terminal:</p>
            </Empty>
          </div>
        ) : (
          <Namespace key={scope} namespace={scope} onChange={() => setVersion((count) => count + 1)} />
        )}
      </div>
    </Page>
  );
}

interface NamespaceProps {
  readonly namespace: string;
  readonly onChange: () => void;
}

function Namespace({ namespace, onChange }: NamespaceProps) {
  const { api } = useSession();
  const { may } = usePermissions(namespace);
  const [mode, setMode] = useState<'looking' | 'editing' | 'removing'>('looking');
  const { value, trouble, refresh } = usePolled({
    question: namespace,
    ask: (signal) => api.admin.getNamespace({ namespace }, { signal }),
  });
  const info = value?.namespace;
  const end = (isSaved: boolean): void => {
    setMode('looking');
    refresh();
    if (isSaved) onChange();
  };
  return (
    <section className="card" aria-label={namespace}>
      <div className="payload-head">
        <h2>{namespace}</h2>
        <p className="dim">
          {info !== undefined && info.revision === 0n && 'no policy of its own'}
          {info !== undefined && info.revision > 0n && (
            <>
              policy changed <Age at={info.updateTime} />, revision {String(info.revision)}
            </>
          )}
        </p>
        {mode !== 'editing' && info !== undefined && may('policy') && (
          <div className="page-actions">
            {info.policy !== undefined && (
              <Button size="compact-sm" variant="default" onClick={() => setMode('removing')}>
                Remove …
              </Button>
            )}
            <Button size="compact-sm" onClick={() => setMode('editing')}>
              Edit
            </Button>
          </div>
        )}
      </div>
      {trouble !== undefined && <TroubleNotice trouble={trouble} onRetry={refresh} />}
      {info !== undefined && (mode === 'editing' ? <Editor info={info} onEnd={end} /> : <PolicyTable info={info} />)}
      {info !== undefined && mode === 'removing' && (
        <Suspense>
          <ReviewDialog info={info} texts={undefined} onClose={() => setMode('looking')} onSaved={() => end(true)} />
        </Suspense>
      )}
    </section>
  );
}
