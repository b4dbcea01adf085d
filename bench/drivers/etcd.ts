// etcd: a transaction that puts the key if it is absent, bound to a lease, then a put with the result. One lease shared by
// all keys: a lease a key halves its rate (PERFORMANCE.md 8), and the peer gets its faster settings.

import { requirePeer } from '../harness/install.ts';
import { expectThat, freshKey, ONCED_ONLY, pick, repeat, type Driver, type Operate, type Work } from './driver.ts';

/** What this driver uses of the etcd3 package, which is installed for the benchmark only. */
interface EtcdClient {
  lease(ttlSeconds: number): { grant(): Promise<string>; release(): void };
  if(key: string, column: 'Create', compare: '==', value: number): Comparison;
  put(key: string): { value(value: Buffer | string): Put };
  get(key: string): { buffer(): Promise<Buffer | null> } & Range;
}
interface Comparison {
  then(
    ...operations: unknown[]
  ): Comparison & { else(...operations: unknown[]): Comparison; commit(): Promise<TxnResponse> };
  commit(): Promise<TxnResponse>;
}
interface Put extends PromiseLike<unknown> {
  lease(id: string): Put;
}
type Range = object;
interface TxnResponse {
  readonly succeeded: boolean;
  readonly responses: readonly { readonly response_range?: { readonly kvs: readonly { readonly value: Buffer }[] } }[];
}
interface EtcdModule {
  Etcd3: new (options: { hosts: string }) => EtcdClient;
}

const LEASE_SECONDS = 86_400;
const REPLAY_KEYS = 2000;

export async function connect(target: string): Promise<Driver> {
  const { Etcd3 } = requirePeer('etcd3') as EtcdModule;
  const client = new Etcd3({ hosts: target });
  const lease = await client.lease(LEASE_SECONDS).grant();
  return { prepare: (work) => prepare(client, lease, work) };
}

async function prepare(client: EtcdClient, lease: string, work: Work): Promise<Operate | undefined> {
  const result = Buffer.alloc(work.resultBytes, 65);
  const claim = (key: string) =>
    client.if(key, 'Create', '==', 0).then(client.put(key).value('in progress').lease(lease));
  const begin = async (key: string): Promise<void> => {
    expectThat((await claim(key).commit()).succeeded, 'the key was taken');
  };
  const intent = async (key: string): Promise<void> => {
    await begin(key);
    await client.put(key).value(result).lease(lease);
  };
  if (work.name === 'begin') return () => begin(freshKey());
  if (work.name === 'intent') return () => intent(freshKey());
  if (ONCED_ONLY.includes(work.name)) return undefined;

  const keys = Array.from({ length: REPLAY_KEYS }, freshKey);
  await repeat(keys.length, 64, (index) => intent(keys[index] ?? freshKey()));
  const lookup = async (): Promise<void> => {
    expectThat((await client.get(pick(keys)).buffer())?.length === work.resultBytes, 'not the result');
  };
  const replay = async (): Promise<void> => {
    const key = pick(keys);
    const { succeeded, responses } = await claim(key).else(client.get(key)).commit();
    expectThat(!succeeded, 'a completed key was given again');
    expectThat(responses[0]?.response_range?.kvs[0]?.value.length === work.resultBytes, 'not the result');
  };
  if (work.name === 'lookup') return lookup;
  if (work.name === 'replay') return replay;
  return () => (Math.random() < 0.1 ? intent(freshKey()) : replay());
}
