// Onced as an application uses it: the Node client with its defaults (Session, retries, deadlines).

import { randomBytes } from 'node:crypto';
import { createClient, type OncedClient } from '../../clients/node/index.ts';
import { expectThat, freshKey, type Driver, type Operate, type Work } from './driver.ts';
import { KNOWN_NAMESPACE as namespace } from './known-keys.ts';

const FINGERPRINTS = [{ scheme: 'sha256-v1', digest: new Uint8Array(32).fill(5) }];

export async function connect(target: string): Promise<Driver> {
  const client = createClient({ address: target });
  await client.serverInfo();
  return { prepare: async (work) => prepare(client, work) };
}

function prepare(client: OncedClient, work: Work): Operate | undefined {
  const result = randomBytes(work.resultBytes);
  const begin = async (key: string) => {
    const answer = await client.begin({ namespace, key, fingerprints: FINGERPRINTS });
    expectThat(answer.kind === 'acquired', `a free key answered ${answer.kind}`);
    return answer;
  };
  if (work.name === 'begin') return async () => void (await begin(freshKey()));
  if (work.name !== 'intent') return undefined;
  return async () => {
    const key = freshKey();
    const { leaseToken } = await begin(key);
    await client.complete({ namespace, key, leaseToken, result });
  };
}
