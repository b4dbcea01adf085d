// A disk that stands still for three seconds under `onced serve`, in a namespace that rejects.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { status as Code } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { refusalOf } from '../../rpc/scene.ts';
import { makeFolder, serveOnced } from '../../support/onced.ts';
import { connect } from '../../support/server.ts';
import { describeWithStrace } from '../../support/with-strace.ts';

const STALL_MS = 3000;

/** The writer's fortieth, which is some begins after the start. With -D what is started is the server, and ends when told to. */
const STALLING =
  `-D --seccomp-bpf -f -qqq -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:delay_enter=${STALL_MS * 1000}:when=40`.split(
    ' ',
  );
const SERVE = [process.execPath, new URL('../../../cli/main.ts', import.meta.url).pathname, 'serve'] as const;

describeWithStrace('SQLite on a disk that stalls', () => {
  test('begins are refused while it does, and nobody runs twice', async () => {
    await using folder = await makeFolder();
    const store = `sqlite:${join(folder.path, 'onced.db')}`;
    await using served = await serveOnced(['--store', store], {
      program: ['strace', ...STALLING, ...SERVE],
    });
    const client = connect(served.grpc);
    const begin = async (key: string, attemptId: string) =>
      client.beginIntent({ namespace: 'rejecting', key, attemptId });
    const refused: { key: string; attemptId: string; tookMs: number; written: string | undefined }[] = [];
    for (let index = 0, acquired = 0; acquired < 60; index += 1) {
      const [key, attemptId, fromMs] = [`k-${index}`, randomUUID(), performance.now()];
      try {
        await begin(key, attemptId);
        acquired += 1;
      } catch (error) {
        const { code, metadata } = refusalOf(error as Parameters<typeof refusalOf>[0]);
        expect(code).toBe(Code.UNAVAILABLE);
        refused.push({ key, attemptId, tookMs: performance.now() - fromMs, written: metadata['outcome'] });
        await sleep(10);
      }
    }
    expect(refused.length).toBeGreaterThan(10);
    // The rest is known at once: 0.3 s is what the first one waits, on a machine that has nothing else to do.
    expect(Math.max(...refused.map(({ tookMs }) => tookMs))).toBeLessThan(STALL_MS / 2);
    expect(refused[0]?.written).toBe('unknown');
    expect(refused.at(-1)?.written).toBe('none');
    const outcomes = await Promise.all(
      refused.map(async ({ key, attemptId }) => (await begin(key, attemptId)).outcome),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ case: 'acquired', value: { attempt: 1 } });
    console.log(`${refused.length} begins refused, the first after ${Math.round(refused[0]?.tookMs ?? 0)} ms`);
    client.raw.close();
  });
});
