// Namespaces as the tree that their policies are inherited along.

import { useSession } from '../../session/session.tsx';
import { usePermissions } from '../../session/use-permissions.ts';
import { usePolled } from '../../hooks/use-polled.ts';
import { Go } from '../../parts/go.tsx';
import { TroubleNotice } from '../../parts/trouble-notice.tsx';

interface TreeProps {
  readonly chosen: string;
  /** Changes when a policy was set or removed here. */
  readonly version: number;
}

const PAGE_SIZE = 1000;
const NAMES_MAX = 5000;
const EVERY_MS = 10_000;

export function Tree({ chosen, version }: TreeProps) {
  const { api } = useSession();
  const { may } = usePermissions('');
  const mayStats = may('stats');
  const { value, trouble } = usePolled({
    question: `${version} ${mayStats}`,
    everyMs: EVERY_MS,
    async ask(signal) {
      const own = new Set<string>();
      let pageToken = '';
      do {
        const page = await api.admin.listNamespaces({ pageSize: PAGE_SIZE, pageToken }, { signal });
        for (const { namespace } of page.namespaces) own.add(namespace);
        pageToken = page.nextPageToken;
      } while (pageToken !== '' && own.size < NAMES_MAX);
      // Those in use without a policy of their own are known by their records.
      const used = mayStats ? (await api.admin.getStats({}, { signal })).records.map(({ namespace }) => namespace) : [];
      return { own, names: [...own, ...used] };
    },
  });
  if (trouble !== undefined && value === undefined) return <TroubleNotice trouble={trouble} />;
  const nodes = nodesOf([...(value?.names ?? []), ...(chosen === '' ? [] : [chosen])]);
  return (
    <nav className="card tree" aria-label="Namespaces">
      <h2>Namespaces</h2>
      {value !== undefined && nodes.length === 0 && <p className="dim">None is in use yet.</p>}
      <ul>
        {nodes.slice(0, NAMES_MAX).map(({ name, depth }) => (
          <li key={name} style={{ paddingLeft: depth * 16 }}>
            <Go to="/namespaces" parameters={{ namespace: name }} aria-current={name === chosen ? 'page' : undefined}>
              {depth === 0 ? name : name.slice(name.lastIndexOf('/') + 1)}
            </Go>
            {value?.own.has(name) === true && <span className="tag">policy</span>}
          </li>
        ))}
      </ul>
    </nav>
  );
}

interface Node {
  readonly name: string;
  readonly depth: number;
}

/** Those above each are there too, whether or not they are used themselves. */
function nodesOf(names: readonly string[]): readonly Node[] {
  const all = new Set(names.flatMap(lineOf));
  return [...all].toSorted(byPath).map((name) => ({ name, depth: name.split('/').length - 1 }));
}

const lineOf = (name: string): readonly string[] => {
  const parts = name.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
};

/** Part by part, so that a-b does not come between a and a/b. */
function byPath(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const [one = '', other = ''] = [left[index], right[index]];
    if (one !== other) return one < other ? -1 : 1;
  }
  return left.length - right.length;
}
