// What many services do by hand: INSERT ... ON CONFLICT DO NOTHING, then UPDATE with the result. Pool of 16.

import { Pool } from 'pg';
import { expectThat, freshKey, ONCED_ONLY, pick, repeat, type Driver, type Operate, type Work } from './driver.ts';

const REPLAY_KEYS = 2000;
const CONNECTIONS = 16;

const INSERT = {
  name: 'begin',
  text: `insert into intents (key, state, expire_time) values ($1, 0, clock_timestamp() + interval '30 s') on conflict do nothing`,
};
const UPDATE = {
  name: 'complete',
  text: `update intents set state = 1, result = $2, expire_time = clock_timestamp() + interval '1 day' where key = $1 and state = 0`,
};
const SELECT = { name: 'look', text: 'select state, result from intents where key = $1' };

export async function connect(target: string): Promise<Driver> {
  const pool = new Pool({ connectionString: target, max: CONNECTIONS });
  await pool.query('select 1');
  return { prepare: (work) => prepare(pool, work) };
}

async function prepare(pool: Pool, work: Work): Promise<Operate | undefined> {
  const result = Buffer.alloc(work.resultBytes, 65);
  const begin = async (key: string): Promise<boolean> =>
    (await pool.query({ ...INSERT, values: [key] })).rowCount === 1;
  const intent = async (key: string): Promise<void> => {
    expectThat(await begin(key), 'the key was taken');
    const { rowCount } = await pool.query({ ...UPDATE, values: [key, result] });
    expectThat(rowCount === 1, 'the key was not ours');
  };
  if (work.name === 'begin') return async () => expectThat(await begin(freshKey()), 'the key was taken');
  if (work.name === 'intent') return () => intent(freshKey());
  if (ONCED_ONLY.includes(work.name)) return undefined;

  const keys = Array.from({ length: REPLAY_KEYS }, freshKey);
  await repeat(keys.length, CONNECTIONS, (index) => intent(keys[index] ?? freshKey()));
  const lookup = async (key = pick(keys)): Promise<void> => {
    const { rows } = await pool.query<{ result: Buffer }>({ ...SELECT, values: [key] });
    expectThat(rows[0]?.result.length === work.resultBytes, 'not the result');
  };
  const replay = async (): Promise<void> => {
    const key = pick(keys);
    expectThat(!(await begin(key)), 'a completed key was given again');
    await lookup(key);
  };
  if (work.name === 'lookup') return () => lookup();
  if (work.name === 'replay') return replay;
  return () => (Math.random() < 0.1 ? intent(freshKey()) : replay());
}
