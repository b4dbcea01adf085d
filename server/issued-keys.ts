// Keys made by the server: random, signed, bound to a namespace, expiring. Nothing is stored for them; the record of a
// key that was begun is what makes it single-use. Two secrets are live, so that one can be replaced without refusing
// the keys made by the other.

import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { StoreError, type Registry, type RegistryEntry } from '../storage/contract/index.ts';
import { Rejection } from './errors.ts';

export interface IssuedKeys {
  /** Reads the secrets if there are any, so that an outage finds them known. */
  load(): Promise<void>;
  /** `count` keys for the namespace, to be begun before `expireMs` on this server's clock. */
  issue(namespace: string, count: number, expireMs: number): Promise<readonly string[]>;
  /** How a key stands in this namespace. */
  check(namespace: string, key: string, nowMs: number): Promise<'good' | 'expired' | 'forged' | 'namespace'>;
  /** Makes a new secret; keys signed by the one before stay good, older ones do not. */
  rotate(): Promise<void>;
}

const PREFIX = 'ik1_';
const RANDOM_BYTES = 16;
const EXPIRY_BYTES = 6;
const NAMESPACE_BYTES = 8;
const PAYLOAD_BYTES = RANDOM_BYTES + EXPIRY_BYTES + NAMESPACE_BYTES;
const MAC_BYTES = 16;
/** Another server may have rotated: secrets are read again after this. */
const SECRETS_MS = 5000;
const ENTRY = { collection: 'issued-key-secrets', name: 'secrets' };

interface Secrets {
  /** Newest first, base64; at most two. */
  readonly secrets: readonly string[];
}

export interface IssuedKeysOptions {
  readonly registry: Pick<Registry, 'get' | 'put'>;
  /** Monotonic; for tests. */
  readonly nowMs?: () => number;
}

export function createIssuedKeys({
  registry,
  nowMs: clockMs = () => performance.now(),
}: IssuedKeysOptions): IssuedKeys {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<readonly Buffer[]> | undefined;
  let cached: { readonly secrets: readonly Buffer[]; readonly readMs: number } | undefined;

  /** Through an outage the last known hold, so that namespaces may go on without the store. */
  const read = async (): Promise<readonly Buffer[]> => {
    if (cached !== undefined && clockMs() - cached.readMs < SECRETS_MS) return cached.secrets;
    try {
      return await readNow();
    } catch (error) {
      if (cached === undefined || !(error instanceof StoreError)) throw error;
      return cached.secrets;
    }
  };

  const readNow = async (): Promise<readonly Buffer[]> => {
    const entry = await registry.get(ENTRY);
    if (entry === undefined) {
      const first: Secrets = { secrets: [randomBytes(32).toString('base64')] };
      await registry.put({ ...ENTRY, value: JSON.stringify(first), expectedRevision: 0 });
      return readNow();
    }
    return keep(entry);
  };

  const keep = (entry: RegistryEntry): readonly Buffer[] => {
    const { secrets } = JSON.parse(entry.value) as Secrets;
    cached = { secrets: secrets.map((secret) => Buffer.from(secret, 'base64')), readMs: clockMs() };
    return cached.secrets;
  };

  /** A read that begins after this call. However many ask, one runs and one waits: forged keys cost no more than that. */
  const readAfresh = (): Promise<readonly Buffer[]> => {
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return (running = readNow());
      });
    return next;
  };

  return {
    async load() {
      const entry = await registry.get(ENTRY);
      if (entry !== undefined) keep(entry);
    },

    async issue(namespace, count, expireMs) {
      const [secret] = await read();
      if (secret === undefined) throw new Error('the registry holds no secret for issued keys');
      return Array.from({ length: count }, () => {
        const payload = Buffer.alloc(PAYLOAD_BYTES);
        randomBytes(RANDOM_BYTES).copy(payload);
        payload.writeUIntBE(expireMs, RANDOM_BYTES, EXPIRY_BYTES);
        namespaceBytes(namespace).copy(payload, RANDOM_BYTES + EXPIRY_BYTES);
        return PREFIX + Buffer.concat([payload, macOf(secret, payload)]).toString('base64url');
      });
    },

    async check(namespace, key, nowMs) {
      const bytes = Buffer.from(key.slice(PREFIX.length), 'base64url');
      if (!key.startsWith(PREFIX) || bytes.length !== PAYLOAD_BYTES + MAC_BYTES) return 'forged';
      // Only the one spelling of the bytes counts: otherwise one key would have several names.
      if (PREFIX + bytes.toString('base64url') !== key) return 'forged';
      const payload = bytes.subarray(0, PAYLOAD_BYTES);
      const mac = bytes.subarray(PAYLOAD_BYTES);
      const isSigned = (secrets: readonly Buffer[]): boolean =>
        secrets.some((secret) => timingSafeEqual(macOf(secret, payload), mac));
      // Another server may have signed it with a secret that is newer than what is known here.
      if (!isSigned(await read()) && !isSigned(await readAfresh())) return 'forged';
      if (!payload.subarray(RANDOM_BYTES + EXPIRY_BYTES).equals(namespaceBytes(namespace))) return 'namespace';
      return nowMs < payload.readUIntBE(RANDOM_BYTES, EXPIRY_BYTES) ? 'good' : 'expired';
    },

    async rotate() {
      await read();
      const entry = await registry.get(ENTRY);
      const { secrets } = JSON.parse(entry?.value ?? '{"secrets":[]}') as Secrets;
      const next: Secrets = { secrets: [randomBytes(32).toString('base64'), ...secrets.slice(0, 1)] };
      const put = { ...ENTRY, value: JSON.stringify(next), expectedRevision: entry?.revision ?? 0 };
      if ((await registry.put(put)) === undefined) {
        throw new Rejection('EXPECTATION_FAILED', 'another server rotated the secret at the same time');
      }
      cached = undefined;
    },
  };
}

const macOf = (secret: Buffer, payload: Buffer): Buffer =>
  createHmac('sha256', secret).update(payload).digest().subarray(0, MAC_BYTES);
const namespaceBytes = (namespace: string): Buffer =>
  Buffer.from(hash('sha256', namespace, 'hex').slice(0, 2 * NAMESPACE_BYTES), 'hex');
