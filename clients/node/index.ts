// @onced/client: what the package exports.

export { createClient, OncedClient } from './client.ts';
export { deriveKey } from './derive-key.ts';
export * from './errors.ts';
export { FingerprintError, type FingerprintRefusal } from './fingerprint-error.ts';
export {
  BYTES_SCHEME,
  canonicalJson,
  fingerprintBytes,
  fingerprintJson,
  fingerprintJsonText,
  JSON_SCHEME,
  type Fingerprint,
  type FingerprintOptions,
} from './fingerprint.ts';
export type * from './options.ts';
export type { PerformOptions, Work, WorkContext } from './perform.ts';
export type { Reconciled, ReconcileOptions, Review } from './reconcile.ts';
export type { RunOptions, RunResult } from './run-once.ts';
export type { ThrowMeans } from './settle.ts';
export type * from './types.ts';
export * from './work-errors.ts';
