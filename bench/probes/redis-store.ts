// What the Redis store costs over bare commands: claim + complete through the store against SET NX + SET by ioredis, both
// in one run, turn by turn, random keys, on a Redis of its own. `node bench/probes/redis-store.ts [seconds a turn]`

import { randomBytes, randomUUID } from 'node:crypto';
import { cpus } from 'node:os';
import { Redis } from 'ioredis';
import { durationMs, type Key, type LeaseToken, type Namespace, type Store } from '../../storage/contract/index.ts';
import { openRedisStore } from '../../storage/redis/index.ts';
import { startRedis, type RedisServer } from '../../test/support/redis.ts';

const IN_FLIGHT = 64;
const ROUNDS = 5;
const WARM_UP_PAIRS = 100_000;
const RESULT = Buffer.alloc(100, 'r');
const TURN_MS = Number(process.argv[2] ?? 2) * 1_000;
const namespace = 'bench' as Namespace;
const dayMs = durationMs(86_400_000);
const digest = randomBytes(32);

interface Turn {
  readonly pairsPerSecond: number;
  readonly clientMicroseconds: number;
  readonly serverMicroseconds: number;
}

async function main(): Promise<void> {
  console.log(`${cpus().length} x ${cpus()[0]?.model ?? ''}, Node ${process.version}, ${IN_FLIGHT} in flight`);
  for (const appendfsync of ['everysec', 'always']) {
    const server = await startRedis({ settings: { appendfsync } });
    const redis = new Redis(server.port, '127.0.0.1', { enableAutoPipelining: false });
    const store = await openRedisStore({ url: `${server.url}?tier=cache` });
    try {
      await compare(server, { direct: () => directPair(redis), store: () => storePair(store) }, appendfsync);
    } finally {
      await store.close();
      redis.disconnect();
      await server.dispose();
    }
  }
}

async function compare(
  server: RedisServer,
  subjects: Readonly<Record<'direct' | 'store', () => Promise<void>>>,
  appendfsync: string,
): Promise<void> {
  await runPairs(subjects.store, WARM_UP_PAIRS);
  const turns = { direct: [] as Turn[], store: [] as Turn[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of ['direct', 'store'] as const) turns[name].push(await takeTurn(server, subjects[name]));
  }
  for (const name of ['direct', 'store'] as const)
    console.log(`appendfsync ${appendfsync}, ${name}: ${summary(turns[name])}`);
  const ratios = turns.store.map((turn, round) => turn.pairsPerSecond / (turns.direct[round]?.pairsPerSecond ?? 1));
  console.log(`appendfsync ${appendfsync}: ratio ${spread(ratios, 2)}`);
}

async function directPair(redis: Redis): Promise<void> {
  const key = randomUUID();
  await redis.set(key, 'in progress', 'PX', 86_400_000, 'NX');
  await redis.set(key, RESULT, 'PX', 86_400_000);
}

async function storePair(store: Store): Promise<void> {
  const id = { namespace, key: randomUUID() as Key };
  const leaseToken = randomBytes(16).toString('hex') as LeaseToken;
  await store.claim({
    ...id,
    expected: 'absent',
    fingerprints: [{ scheme: 'jcs-sha256-v1', digest }],
    labels: {},
    attemptId: randomUUID(),
    owner: 'worker-1',
    leaseToken,
    leaseMs: durationMs(30_000),
    orphanTtlMs: dayMs,
    retention: { ttlMs: dayMs, graceMs: dayMs },
  });
  await store.settle({
    ...id,
    guard: { kind: 'token', leaseToken },
    settlement: {
      kind: 'completed',
      result: RESULT,
      contentType: 'application/json',
      contentEncoding: '',
      labels: {},
      resultTtlMs: dayMs,
    },
    settleDigest: leaseToken + leaseToken,
    ttlMs: undefined,
    graceMs: dayMs,
  });
}

async function runPairs(pair: () => Promise<void>, count: number): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (left-- > 0) await pair();
    }),
  );
}

async function takeTurn(server: RedisServer, pair: () => Promise<void>): Promise<Turn> {
  const [clientBefore, serverBefore, startMs] = [process.cpuUsage(), await serverSeconds(server), performance.now()];
  let pairs = 0;
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (; performance.now() - startMs < TURN_MS; pairs += 1) await pair();
    }),
  );
  const seconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(clientBefore);
  const serverSpent = ((await serverSeconds(server)) - serverBefore) * 1_000_000;
  return {
    pairsPerSecond: pairs / seconds,
    clientMicroseconds: (user + system) / pairs,
    serverMicroseconds: serverSpent / pairs,
  };
}

const serverSeconds = async (server: RedisServer): Promise<number> =>
  Number(await server.info('used_cpu_user')) + Number(await server.info('used_cpu_sys'));

const summary = (turns: readonly Turn[]): string =>
  [
    `${spread(
      turns.map((turn) => turn.pairsPerSecond),
      0,
    )} pairs/s`,
    `client ${spread(
      turns.map((turn) => turn.clientMicroseconds),
      1,
    )} us a pair`,
    `server ${spread(
      turns.map((turn) => turn.serverMicroseconds),
      1,
    )} us a pair`,
  ].join('; ');

function spread(values: readonly number[], digits: number): string {
  const sorted = values.toSorted((a, b) => a - b);
  const text = (value: number | undefined): string => (value ?? NaN).toFixed(digits);
  return `${text(sorted[Math.floor(sorted.length / 2)])} [${text(sorted[0])}..${text(sorted.at(-1))}]`;
}

await main();
