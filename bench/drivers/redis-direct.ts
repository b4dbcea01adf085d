// What many services do by hand: SET NX with a lease, then SET with the result. No fingerprint, no token, no takeover.

import { Redis } from 'ioredis';
import { expectThat, freshKey, ONCED_ONLY, pick, repeat, type Driver, type Operate, type Work } from './driver.ts';

const LEASE_MS = 30_000;
const TTL_MS = 86_400_000;
const REPLAY_KEYS = 2000;

/** Auto-pipelining stays off: it lowered the rate by a third (PERFORMANCE.md 7). Commands are pipelined all the same. */
export async function connect(target: string): Promise<Driver> {
  const redis = new Redis(`redis://${target}`, { enableAutoPipelining: false });
  await redis.ping();
  return { prepare: (work) => prepare(redis, work) };
}

async function prepare(redis: Redis, work: Work): Promise<Operate | undefined> {
  const result = Buffer.alloc(work.resultBytes, 65);
  const begin = async (key: string): Promise<void> => {
    expectThat((await redis.set(key, 'in progress', 'PX', LEASE_MS, 'NX')) === 'OK', 'the key was taken');
  };
  const intent = async (key: string): Promise<void> => {
    await begin(key);
    await redis.set(key, result, 'PX', TTL_MS);
  };
  if (work.name === 'begin') return () => begin(freshKey());
  if (work.name === 'intent') return () => intent(freshKey());
  if (ONCED_ONLY.includes(work.name)) return undefined;

  const keys = Array.from({ length: REPLAY_KEYS }, freshKey);
  await repeat(keys.length, 64, (index) => intent(keys[index] ?? freshKey()));
  const lookup = async (): Promise<void> => {
    const found = await redis.getBuffer(pick(keys));
    expectThat(found?.length === work.resultBytes, 'not the result');
  };
  /** One command: SET NX GET answers with what stands, which is what a caller that does not know must ask. */
  const replay = async (): Promise<void> => {
    const found = await redis.setBuffer(pick(keys), 'in progress', 'PX', LEASE_MS, 'NX', 'GET');
    expectThat(found?.length === work.resultBytes, 'not the result');
  };
  if (work.name === 'lookup') return lookup;
  if (work.name === 'replay') return replay;
  return () => (Math.random() < 0.1 ? intent(freshKey()) : replay());
}
