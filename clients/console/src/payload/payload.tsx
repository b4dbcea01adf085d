// A result, a checkpoint or an error's detail: as JSON, text or hex, or as a file. Never as what its type claims it to be.

import { Button, Tabs } from '@mantine/core';
import { useEffect, useMemo, useState } from 'react';
import { plural, showBytes } from '../format/numbers.ts';
import { Visible } from '../parts/visible.tsx';
import { download, jsonOf, textOf, unpack } from './bytes.ts';
import { Hex } from './hex.tsx';
import { JsonTree } from './json-tree.tsx';

interface PayloadProps {
  readonly title: string;
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  readonly contentEncoding?: string;
  /** Of the file that a download makes. */
  readonly fileName: string;
}

const TEXT_LENGTH_SHOWN = 64 * 1024;

export function Payload({ title, bytes, contentType = '', contentEncoding = '', fileName }: PayloadProps) {
  const unpacked = useUnpacked(bytes, contentEncoding);
  const shown = unpacked ?? bytes;
  const text = useMemo(() => textOf(shown), [shown]);
  const json = useMemo(() => (text === undefined ? undefined : jsonOf(text)), [text]);
  const first = json !== undefined ? 'json' : text === undefined ? 'hex' : 'text';
  return (
    <section className="card payload" aria-label={title}>
      <div className="payload-head">
        <h2>{title}</h2>
        <p className="dim">
          {showBytes(bytes.length)}
          {contentType !== '' && (
            <>
              {' · '}
              <Visible text={contentType} />
            </>
          )}
          {contentEncoding !== '' && (
            <>
              {' · '}
              <Visible text={contentEncoding} />
              {unpacked !== undefined && `, unpacked ${showBytes(unpacked.length)}`}
            </>
          )}
        </p>
        <Button size="compact-sm" variant="default" onClick={() => download(bytes, fileName)}>
          Download
        </Button>
      </div>
      {bytes.length === 0 ? (
        <p className="dim">It is empty, which is a result too.</p>
      ) : (
        <Tabs key={first} defaultValue={first} keepMounted={false}>
          <Tabs.List>
            <Tabs.Tab value="json" disabled={json === undefined}>
              JSON
            </Tabs.Tab>
            <Tabs.Tab value="text" disabled={text === undefined}>
              Text
            </Tabs.Tab>
            <Tabs.Tab value="hex">Hex</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="json">{json !== undefined && <JsonTree json={json} />}</Tabs.Panel>
          <Tabs.Panel value="text">{text !== undefined && <Text text={text} />}</Tabs.Panel>
          <Tabs.Panel value="hex">
            <Hex bytes={shown} />
          </Tabs.Panel>
        </Tabs>
      )}
    </section>
  );
}

function Text({ text }: { readonly text: string }) {
  const [isWhole, setIsWhole] = useState(text.length <= TEXT_LENGTH_SHOWN);
  return (
    <div className="payload-box" tabIndex={0} role="group" aria-label="Text">
      <pre>
        <Visible text={isWhole ? text : text.slice(0, TEXT_LENGTH_SHOWN)} keepsLines />
      </pre>
      {!isWhole && (
        <Button size="compact-xs" variant="default" onClick={() => setIsWhole(true)}>
          Show all {plural(text.length, 'character')}
        </Button>
      )}
    </div>
  );
}

function useUnpacked(bytes: Uint8Array, encoding: string): Uint8Array | undefined {
  const [unpacked, setUnpacked] = useState<{ readonly of: Uint8Array; readonly bytes: Uint8Array | undefined }>();
  useEffect(() => {
    let isOver = false;
    void unpack(bytes, encoding).then((result) => {
      if (!isOver) setUnpacked({ of: bytes, bytes: result });
    });
    return () => {
      isOver = true;
    };
  }, [bytes, encoding]);
  return unpacked?.of === bytes ? unpacked.bytes : undefined;
}
