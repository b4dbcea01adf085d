// How calls fail, over both transports: an error class for each reason, own timers, signals, closing, and options.

import { describe, expect, test } from 'vitest';
import {
  AttemptEndedError,
  ClosedError,
  createClient,
  DeadlineExceededError,
  fingerprintJson,
  InvalidFieldError,
  KeyReusedError,
  UnimplementedError,
  UnreachableError,
  type BeginRequest,
} from '../../clients/node/index.ts';
import { acquire, bytes, describeTransports, rejection, setScene, until } from './support/scene.ts';

describeTransports('errors of calls', (scene) => {
  test('another fingerprint is refused, in flight and after', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, { ...place, fingerprints: [fingerprintJson({ amount: 10 })] });
    const other = { ...place, fingerprints: [fingerprintJson({ amount: 12 })] };
    await expect(scene.client.begin(other)).rejects.toThrow(KeyReusedError);
    await scene.client.complete({ ...place, leaseToken, result: bytes('x') });
    await expect(scene.client.begin(other)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'KEY_REUSED',
    });
  });

  test('a late copy of a begin whose attempt was released is refused', async () => {
    const asked = { ...scene.place(), attemptId: 'late' };
    const { leaseToken } = await acquire(scene, asked);
    await scene.client.fail({ ...asked, leaseToken, kind: 'retryable' });
    await expect(scene.client.begin(asked)).rejects.toThrow(AttemptEndedError);
  });

  test('a field out of bounds names the field and the limit, whoever found it', async () => {
    const place = scene.place();
    const byServer = await rejection(scene.client.begin({ ...place, key: 'k'.repeat(513) }));
    expect(byServer).toBeInstanceOf(InvalidFieldError);
    expect((byServer as InvalidFieldError).violations).toMatchObject([{ field: 'key' }]);
    expect(byServer.message).toContain('512');
    const wrong: [Partial<BeginRequest>, string][] = [
      [{ key: '' }, 'key'],
      [{ key: 'half \ud800' }, 'key'],
      [{ leaseMs: Number.NaN }, 'leaseMs'],
      [{ leaseMs: 0 }, 'lease'],
      [{ ttlMs: -1 }, 'ttl'],
      [{ waitMs: Number.POSITIVE_INFINITY }, 'waitMs'],
      [{ key: 7 as unknown as string }, 'key'],
      [{ labels: { a: '\udc00' } }, 'labels["a"]'],
      [{ owner: 'o'.repeat(257) }, 'owner'],
    ];
    for (const [field, name] of wrong) {
      const error = await rejection(scene.client.begin({ ...place, ...field }));
      expect(error).toBeInstanceOf(InvalidFieldError);
      expect((error as InvalidFieldError).violations[0]?.field).toBe(name);
    }
  });

  test('a result of 256 KiB goes through, a byte more is refused, and others on the stream do not notice', async () => {
    const place = scene.place();
    const { leaseToken } = await acquire(scene, place);
    const large = new Uint8Array(256 * 1024).fill(7);
    const neighbours = Array.from({ length: 20 }, () => scene.client.begin(scene.place()));
    for (const size of [256 * 1024 + 1, 32 * 1024 * 1024]) {
      const over = scene.client.complete({ ...place, leaseToken, result: new Uint8Array(size) });
      await expect(over).rejects.toThrow(InvalidFieldError);
    }
    await scene.client.complete({ ...place, leaseToken, result: large });
    const replay = await scene.client.begin(place);
    expect(replay.kind === 'completed' && Buffer.from(replay.result).equals(Buffer.from(large))).toBe(true);
    for (const answer of await Promise.all(neighbours)) expect(answer.kind).toBe('acquired');
  });

  test('a call that its signal ends rejects with the reason, at once', async () => {
    const place = scene.place();
    await acquire(scene, place);
    const controller = new AbortController();
    const waiting = scene.client.begin({ ...place, waitMs: 10_000 }, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('shutting down')), 20);
    const startMs = performance.now();
    await expect(waiting).rejects.toThrow('shutting down');
    expect(performance.now() - startMs).toBeLessThan(1_000);
    const late = scene.client.begin(place, { signal: controller.signal });
    await expect(late).rejects.toThrow('shutting down');
  });

  test('a signal shared by many calls is left without listeners', async () => {
    const controller = new AbortController();
    let listening = 0;
    const { signal } = controller;
    const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
    signal.addEventListener = (...args: Parameters<typeof add>) => ((listening += 1), add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => ((listening -= 1), remove(...args));
    await Promise.all(Array.from({ length: 50 }, () => scene.client.begin(scene.place(), { signal })));
    expect(listening).toBe(0);
  });

  test('a closed client rejects pending and later calls', async () => {
    const client = scene.connect();
    const place = scene.place();
    await client.begin(place);
    if (scene.transport === 'session') {
      const pending = client.begin({ ...place, waitMs: 5_000 });
      client.close();
      await expect(pending).rejects.toThrow(ClosedError);
    }
    client.close();
    await expect(client.begin(place)).rejects.toThrow(ClosedError);
  });

  test('nobody listening is UNREACHABLE within the call’s time', async () => {
    const client = scene.connect({ address: '127.0.0.1:1' });
    const startMs = performance.now();
    const error = await rejection(client.begin(scene.place(), { timeoutMs: 1_500 }));
    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.isRetryable).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  test('a server that never answers is DEADLINE_EXCEEDED by the call’s own timer', async () => {
    const client = scene.shaky();
    await client.begin(scene.place());
    scene.proxy.blackHole({ replies: true });
    try {
      const startMs = performance.now();
      await expect(client.begin(scene.place(), { timeoutMs: 300 })).rejects.toThrow(DeadlineExceededError);
      expect(performance.now() - startMs).toBeLessThan(1_000);
    } finally {
      scene.proxy.heal();
      scene.proxy.cut();
    }
    await until(
      async () => (await client.begin(scene.place(), { timeoutMs: 1_000 }).catch(() => undefined)) !== undefined,
    );
  });
});

describe('options', () => {
  const scene = setScene('unary');

  test('a token in plain text is refused for any address but loopback, unless told', () => {
    const options = { address: 'onced.example:50051', token: 'secret' };
    expect(() => createClient(options)).toThrow(/plain text/u);
    createClient({ ...options, tls: false }).close();
    createClient({ ...options, tls: true }).close();
    createClient({ ...options, address: '127.0.0.1:50051' }).close();
    createClient({ ...options, address: '[::1]:50051' }).close();
  });

  test('an address without a port is refused with an example', () => {
    expect(() => createClient({ address: 'localhost' })).toThrow(/host:port/u);
  });

  test('a token is asked for with each call', async () => {
    let asked = 0;
    const client = scene.connect({
      async token() {
        asked += 1;
        return 'secret';
      },
    });
    await client.begin(scene.place());
    await client.begin(scene.place());
    expect(asked).toBe(2);
  });

  test('a token that cannot be had rejects the call with its error', async () => {
    for (const transport of ['unary', 'session'] as const) {
      const client = scene.connect({ transport, token: () => Promise.reject(new Error('vault is down')) });
      await expect(client.begin(scene.place())).rejects.toThrow('vault is down');
    }
  });

  test('keys are issued where the server does so, else UNIMPLEMENTED', async () => {
    const { capabilities } = await scene.client.serverInfo();
    const issued = scene.client.issueKeys({ namespace: 'test', count: 3 });
    if (capabilities.includes('issue_keys')) {
      const { keys, expireMs } = await issued;
      expect(new Set(keys).size).toBe(3);
      expect(expireMs).toBeGreaterThan(Date.now());
    } else await expect(issued).rejects.toThrow(UnimplementedError);
    await expect(scene.client.issueKeys({ namespace: 'test', count: 0 })).rejects.toThrow(InvalidFieldError);
  });
});
