// Restate: one invocation of a trivial handler with an idempotency key does what begin, work and complete do together.

import { Agent, request } from 'node:http';
import { expectThat, freshKey, pick, repeat, type Driver, type Operate, type Work } from './driver.ts';

const REPLAY_KEYS = 500;
const BODY = JSON.stringify({ amount: 100 });

export async function connect(target: string): Promise<Driver> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const url = new URL('/charge/run', target);
  return { prepare: (work) => prepare((key) => invoke({ url, agent, key }), work) };
}

async function prepare(invocation: (key: string) => Promise<void>, work: Work): Promise<Operate | undefined> {
  if (work.name === 'intent') return () => invocation(freshKey());
  if (work.name !== 'replay' && work.name !== 'mixed') return undefined;
  const keys = Array.from({ length: REPLAY_KEYS }, freshKey);
  await repeat(keys.length, 64, (index) => invocation(keys[index] ?? freshKey()));
  const replay = async (): Promise<void> => invocation(pick(keys));
  return work.name === 'replay' ? replay : () => (Math.random() < 0.1 ? invocation(freshKey()) : replay());
}

async function invoke({ url, agent, key }: { url: URL; agent: Agent; key: string }): Promise<void> {
  const body = await new Promise<string>((resolve, reject) => {
    const call = request(url, {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': BODY.length, 'idempotency-key': key },
    });
    call.on('error', reject);
    call.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('error', reject);
      response.on('end', () => resolve(text));
    });
    call.end(BODY);
  });
  expectThat(body.includes('done'), `Restate answered ${body.slice(0, 200)}`);
}
