// API keys: shown once, kept as HMAC-SHA-256 under the server's pepper (a fast hash is right for 256 random bits), two
// secrets live while one is rotated. Known from memory, read again so often that a revocation bites within 5 s.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Logger } from 'pino';
import type { Registry, RegistryEntry } from '../../storage/contract/index.ts';
import { Rejection } from '../errors.ts';
import { limits } from '../limits.ts';
import { overtakenReads } from '../overtaken-reads.ts';
import type { Principal } from '../principal.ts';
import { principalOf, type Grant } from './grants.ts';

export interface ApiKeyRecord {
  readonly id: string;
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly createMs: number;
  /** 0: never. */
  readonly expireMs: number;
  /** Hex digests of the good secrets, newest first; at most two. */
  readonly digests: readonly string[];
}

export interface NewApiKey {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly expireMs: number;
}

export interface ApiKeys {
  /** Who the bearer is; undefined when it is no good key of ours. Takes as long for an unknown id as for a wrong secret. */
  principalOf(bearer: string): Principal | undefined;
  list(): readonly ApiKeyRecord[];
  create(key: NewApiKey): Promise<{ record: ApiKeyRecord; secret: string }>;
  rotate(id: string): Promise<{ record: ApiKeyRecord; secret: string }>;
  revoke(id: string, olderSecretOnly: boolean): Promise<void>;
  refresh(): Promise<void>;
  stop(): void;
}

const COLLECTION = 'api-key';
const PEPPER = { collection: 'api-key-pepper', name: 'pepper' };
const PREFIX = 'onced';
const ID_BYTES = 8;
const SECRET_BYTES = 32;
const PAGE = 1000;

interface Known {
  readonly record: ApiKeyRecord;
  readonly revision: number;
  readonly digests: readonly Buffer[];
  readonly principal: Principal;
}

export interface ApiKeysOptions {
  readonly registry: Registry;
  readonly log: Logger;
  /** Undefined: one is made and kept in the store, which then guards against a stolen log but not a stolen store. */
  readonly pepper: Buffer | undefined;
}

export async function openApiKeys({ registry, log, pepper }: ApiKeysOptions): Promise<ApiKeys> {
  const secretPepper = pepper ?? (await storedPepper(registry));
  const digestOf = (secret: string): Buffer => createHmac('sha256', secretPepper).update(secret).digest();
  const nothing = digestOf('');
  let known = new Map<string, Known>();
  const beginRead = overtakenReads();

  const refresh = async (): Promise<void> => {
    const isOvertaken = beginRead();
    const next = new Map<string, Known>();
    let after: string | undefined;
    for (;;) {
      const query = { collection: COLLECTION, limit: PAGE, ...(after === undefined ? {} : { after }) };
      const page = await registry.list(query);
      for (const entry of page)
        next.set(entry.name, known.get(entry.name)?.revision === entry.revision ? keep(entry) : read(entry));
      after = page.at(-1)?.name;
      if (page.length < PAGE) break;
    }
    // The later one is without a key that was revoked meanwhile.
    if (isOvertaken()) return;
    known = next;
  };
  const keep = (entry: RegistryEntry): Known => known.get(entry.name) ?? read(entry);

  const write = async (record: ApiKeyRecord, expectedRevision: number): Promise<void> => {
    const put = { collection: COLLECTION, name: record.id, value: JSON.stringify(record), expectedRevision };
    if ((await registry.put(put)) === undefined) throw changedMeanwhile();
    await refresh();
  };
  const standing = (id: string): Known => {
    const found = known.get(id);
    if (found === undefined) throw new Rejection('EXPECTATION_FAILED', `there is no API key ${JSON.stringify(id)}`);
    return found;
  };
  const newSecret = (id: string): string => {
    const body = `${PREFIX}_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
    return body;
  };

  await refresh();
  const timer = setInterval(() => {
    refresh().catch((error: unknown) =>
      log.warn({ err: error }, 'API keys could not be read again; the last known hold'),
    );
  }, limits.apiKeysReadMs);
  timer.unref();

  return {
    principalOf(bearer) {
      const id = bearer.split('_', 2)[1] ?? '';
      const found = known.get(id);
      const digest = digestOf(bearer);
      const isGood = (found?.digests ?? [nothing]).some((good) => timingSafeEqual(good, digest));
      if (!isGood || found === undefined) return undefined;
      const { expireMs } = found.record;
      return expireMs === 0 || Date.now() < expireMs ? found.principal : undefined;
    },

    list: () => [...known.values()].map(({ record }) => record),

    async create({ name, grants, expireMs }) {
      const id = randomBytes(ID_BYTES).toString('hex');
      const secret = newSecret(id);
      const digests = [digestOf(secret).toString('hex')];
      const record: ApiKeyRecord = { id, name, grants, createMs: Date.now(), expireMs, digests };
      await write(record, 0);
      return { record, secret };
    },

    async rotate(id) {
      const { record, revision } = standing(id);
      const secret = newSecret(id);
      const digests = [digestOf(secret).toString('hex'), ...record.digests.slice(0, 1)];
      const rotated = { ...record, digests };
      await write(rotated, revision);
      return { record: rotated, secret };
    },

    async revoke(id, olderSecretOnly) {
      const { record, revision } = standing(id);
      if (olderSecretOnly) return write({ ...record, digests: record.digests.slice(0, 1) }, revision);
      if (!(await registry.remove({ collection: COLLECTION, name: id, expectedRevision: revision }))) {
        throw changedMeanwhile();
      }
      await refresh();
    },
    refresh,
    stop: () => clearInterval(timer),
  };
}

function read(entry: RegistryEntry): Known {
  const record = JSON.parse(entry.value) as ApiKeyRecord;
  return {
    record,
    revision: entry.revision,
    digests: record.digests.map((digest) => Buffer.from(digest, 'hex')),
    principal: principalOf(`key:${record.name}`, record.grants),
  };
}

async function storedPepper(registry: Registry): Promise<Buffer> {
  const made = randomBytes(32).toString('base64');
  await registry.put({ ...PEPPER, value: JSON.stringify(made), expectedRevision: 0 });
  const entry = await registry.get(PEPPER);
  return Buffer.from(JSON.parse(entry?.value ?? JSON.stringify(made)) as string, 'base64');
}

const changedMeanwhile = (): Rejection =>
  new Rejection('EXPECTATION_FAILED', 'the API key was changed meanwhile; look at it again');
