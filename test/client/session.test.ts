// The Session transport against a real server: fallback, bounds, broken streams, silence, and processes that end.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { DeadlineExceededError, OverloadedError, UnreachableError, type CallStart } from '../../clients/node/index.ts';
import { startGateway } from './support/gateway.ts';
import { acquire, later, rejection, setScene, thrown, until } from './support/scene.ts';

describe('choice of transport', () => {
  const scene = setScene('session');

  test('a server with Session is used through it once it has said so', async () => {
    const seen: CallStart[] = [];
    const client = scene.connect({ transport: 'auto', onCall: (call) => void seen.push(call) });
    await client.begin(scene.place());
    await until(async () => (await client.begin(scene.place()), seen.at(-1)?.transport === 'session'));
    expect(seen[0]?.transport).toBe('unary');
  });

  test('a server without Session is called one by one, whether it says so or not', async () => {
    const gateway = await startGateway(scene.server.address);
    try {
      // The gateway hands on a GetServerInfo that promises a Session which the gateway does not have.
      const client = scene.connect({ address: gateway.address, transport: 'auto' });
      for (let count = 0; count < 20; count++) {
        expect((await client.begin(scene.place())).kind).toBe('acquired');
        await later(5);
      }
      expect(gateway.calls['getServerInfo']).toBe(1);
      expect(gateway.calls['beginIntent']).toBe(20);
    } finally {
      gateway.close();
    }
  });

  test('a server that does not answer the question is asked again', async () => {
    const gateway = await startGateway(scene.server.address, (method, count) =>
      method === 'getServerInfo' && count < 3 ? { code: 14, details: 'starting' } : undefined,
    );
    try {
      const client = scene.connect({ address: gateway.address, transport: 'auto' });
      await until(async () => {
        await client.begin(scene.place());
        return gateway.calls['getServerInfo'] === 3;
      });
    } finally {
      gateway.close();
    }
  });
});

describe('bounds', () => {
  const scene = setScene('session');

  test('waiting begins never keep the holder’s complete from getting through', async () => {
    const client = scene.connect({ session: { inFlightMax: 4 } });
    const place = scene.place();
    const { leaseToken } = await acquire({ ...scene, client }, place);
    const waiting = Array.from({ length: 50 }, async () => client.begin({ ...place, waitMs: 5_000 }));
    await later(50);
    const startMs = performance.now();
    await client.complete({ ...place, leaseToken, result: new Uint8Array() });
    expect(performance.now() - startMs).toBeLessThan(1_000);
    for (const answer of await Promise.all(waiting)) expect(answer.kind).toBe('completed');
  });

  test('more operations than the window are all answered', async () => {
    const client = scene.connect({ session: { inFlightMax: 8 } });
    const answers = await Promise.all(Array.from({ length: 500 }, async () => client.begin(scene.place())));
    expect(answers.every(({ kind }) => kind === 'acquired')).toBe(true);
  });

  test('more operations than the queue holds are refused at once', async () => {
    const client = scene.connect({ session: { inFlightMax: 1, queueMax: 10 }, retry: { triesMax: 1 } });
    const calls = Array.from({ length: 20 }, async () => client.begin(scene.place()));
    const outcomes = await Promise.allSettled(calls);
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(10);
    for (const { reason } of refused) expect(reason).toBeInstanceOf(OverloadedError);
  });

  test('an operation that is out of time before its turn is never sent', async () => {
    const client = scene.connect({ session: { inFlightMax: 1 } });
    const place = scene.place();
    await acquire({ ...scene, client }, place);
    const waiting = client.begin({ ...place, waitMs: 600 });
    await later(20);
    const late = scene.place();
    await expect(client.begin(late, { timeoutMs: 100 })).rejects.toThrow(DeadlineExceededError);
    expect((await waiting).kind).toBe('in-progress');
    await later(100);
    expect(await rejection(scene.client.lookup(late))).toMatchObject({ reason: 'INTENT_NOT_FOUND' });
  });
});

describe('broken streams', () => {
  const scene = setScene('session');

  test('a stream that breaks settles every pending call with an error that may be retried', async () => {
    const client = scene.shaky({ retry: { triesMax: 1 } });
    const place = scene.place();
    await acquire({ ...scene, client }, place);
    const pending = Array.from({ length: 20 }, async () => thrown(client.begin({ ...place, waitMs: 10_000 })));
    await later(50);
    scene.proxy.cut();
    for (const error of await Promise.all(pending)) {
      expect(error).toBeInstanceOf(UnreachableError);
      expect((error as UnreachableError).isRetryable).toBe(true);
    }
    expect(scene.logged.some(({ message, fields }) => message === 'session broke' && fields['pending'] === 20)).toBe(
      true,
    );
    await until(async () => (await client.begin(place).catch(() => undefined)) !== undefined);
  });

  test('calls over a stream that is cut at random moments all succeed, each lease granted once', async () => {
    const client = scene.shaky({ retry: { triesMax: 50, backoffMsMax: 50 } });
    const { namespace } = scene.place();
    const total = Number(process.env['ONCED_SESSION_OPERATIONS'] ?? 4_000) / 2;
    let done = 0;
    let cuts = 0;
    // By what is done, not by the clock: a fast machine is cut as often.
    const intentsBetween = (): number => 1 + Math.random() * Math.min(total / 16, 3_000);
    let nextCut = intentsBetween();
    const cutIfDue = async (): Promise<void> => {
      if (done < nextCut) return;
      nextCut = done + intentsBetween();
      await later(Math.random() * 5);
      scene.proxy.cut();
      cuts += 1;
    };
    const worker = async (first: number): Promise<void> => {
      for (let index = first; index < total; index += 64) {
        const key = `order-${index}`;
        const answer = await persist(async () => client.begin({ namespace, key, attemptId: `a-${index}` }));
        // By its own attempt id: never "in progress by yourself".
        if (answer.kind !== 'acquired' || answer.attempt !== 1) throw new Error(`${key}: ${answer.kind}`);
        const { leaseToken } = answer;
        const result = Buffer.from(key);
        const settled = await persist(async () => client.complete({ namespace, key, leaseToken, result }));
        expect(settled.record.state).toBe('completed');
        done += 1;
        await cutIfDue();
      }
    };
    await Promise.all(Array.from({ length: 64 }, async (_, first) => worker(first)));
    expect(cuts).toBeGreaterThan(3);
    for (const index of [0, 1, total - 1]) {
      const record = await scene.client.lookup({ namespace, key: `order-${index}`, includeResult: true });
      expect(Buffer.from(record.result ?? []).toString()).toBe(`order-${index}`);
    }
  }, 120_000);

  test('a stream that goes silent is given up and replaced', async () => {
    const client = scene.shaky({ retry: { triesMax: 1 } });
    await client.begin(scene.place());
    const { accepted } = scene.proxy;
    scene.proxy.blackHole({ replies: true });
    await expect(client.begin(scene.place(), { timeoutMs: 200 })).rejects.toThrow(DeadlineExceededError);
    expect(scene.proxy.accepted).toBe(accepted);
    // The connection itself looks alive and stays black, so that only a new one helps.
    for (let count = 0; count < 4; count++) await thrown(client.begin(scene.place(), { timeoutMs: 200 }));
    expect(scene.proxy.accepted).toBeGreaterThan(accepted);
    scene.proxy.heal();
    await until(
      async () => (await client.begin(scene.place(), { timeoutMs: 500 }).catch(() => undefined)) !== undefined,
    );
  });
});

/** As runOnce does: what is not answered is repeated with the same attempt id or token. */
async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof UnreachableError || error instanceof DeadlineExceededError) || tries > 200) throw error;
      await later(Math.random() * 20);
    }
  }
}

describe('idle', () => {
  const scene = setScene('session');

  test('an idle stream is closed, and opened again when it is needed', async () => {
    const client = scene.connect({ session: { idleMs: 50 } });
    const sessions = async (): Promise<number> => {
      const shown = await scene.server.metrics.registry.getSingleMetric('onced_sessions')?.get();
      return shown?.values[0]?.value ?? -1;
    };
    for (let count = 0; count < 3; count++) {
      expect((await client.begin(scene.place())).kind).toBe('acquired');
      expect(await sessions()).toBe(1);
      await until(async () => (await sessions()) === 0);
    }
  });

  test('a process that forgets to close its client ends by itself', async () => {
    const script = `
      const { createClient } = await import(${JSON.stringify(new URL('../../clients/node/index.ts', import.meta.url).href)});
      for (const transport of ['session', 'unary', 'auto']) {
        const client = createClient({ address: '${scene.server.address}', transport });
        console.log((await client.runOnce('test/exit', transport, null, () => 'done')).value);
      }`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 15_000 });
    const { stdout, stderr } = await run;
    expect([stdout, stderr]).toEqual(['done\ndone\ndone\n', '']);
  });
});
