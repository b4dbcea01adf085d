// AWS Powertools idempotency over Redis, with the Redis client that its own documentation shows. A library in the caller's
// process: its cost is in the client's CPU, the server's is that of Redis.

import { requirePeer } from '../harness/install.ts';
import { expectThat, freshKey, pick, repeat, type Driver, type Operate, type Work } from './driver.ts';

interface RedisModule {
  readonly createClient: (options: { url: string }) => { connect(): Promise<unknown> };
}
type Function = (payload: { id: string }) => Promise<string>;
interface PowertoolsModule {
  readonly makeIdempotent: (work: Function, options: { persistenceStore: unknown; config: unknown }) => Function;
  IdempotencyConfig: new (options: { expiresAfterSeconds: number }) => {
    registerLambdaContext(context: { getRemainingTimeInMillis(): number }): void;
  };
}
interface CacheModule {
  CachePersistenceLayer: new (options: { client: unknown }) => unknown;
}

const POWERTOOLS = '@aws-lambda-powertools/idempotency';
const REPLAY_KEYS = 2000;

export async function connect(target: string): Promise<Driver> {
  process.env['AWS_LAMBDA_FUNCTION_NAME'] = 'bench';
  const { makeIdempotent, IdempotencyConfig } = requirePeer(POWERTOOLS) as PowertoolsModule;
  const { CachePersistenceLayer } = requirePeer(`${POWERTOOLS}/cache`) as CacheModule;
  const { createClient } = requirePeer('@redis/client') as RedisModule;
  const client = createClient({ url: `redis://${target}` });
  await client.connect();
  const persistenceStore = new CachePersistenceLayer({ client });
  const config = new IdempotencyConfig({ expiresAfterSeconds: 86_400 });
  // Without a time limit it sets no in-progress deadline, and warns on every call.
  config.registerLambdaContext({ getRemainingTimeInMillis: () => 30_000 });
  return {
    async prepare(work) {
      const result = 'A'.repeat(work.resultBytes);
      let runs = 0;
      const charge = makeIdempotent(
        async () => {
          runs += 1;
          return result;
        },
        { persistenceStore, config },
      );
      return prepare({ charge, runs: () => runs }, work);
    },
  };
}

async function prepare(
  { charge, runs }: { charge: Function; runs: () => number },
  work: Work,
): Promise<Operate | undefined> {
  const call = async (key: string): Promise<void> => {
    expectThat((await charge({ id: key })).length === work.resultBytes, 'not the result');
  };
  if (work.name === 'intent') return () => call(freshKey());
  if (work.name !== 'replay' && work.name !== 'mixed') return undefined;
  const keys = Array.from({ length: REPLAY_KEYS }, freshKey);
  await repeat(keys.length, 64, (index) => call(keys[index] ?? freshKey()));
  const ranBefore = runs();
  const replay = async (): Promise<void> => {
    await call(pick(keys));
    expectThat(work.name === 'mixed' || runs() === ranBefore, 'a completed key ran again');
  };
  return work.name === 'replay' ? replay : () => (Math.random() < 0.1 ? call(freshKey()) : replay());
}
