// @onced/client: what the package exports.

export { createClient, OncedClient } from './client.ts';
export { deriveKey } from './fingerprint/derive-key.ts';
export * from './errors.ts';
export { FingerprintError, type FingerprintRefusal } from './fingerprint/fingerprint-error.ts';
export {
  BYTES_SCHEME,
  canonicalJson,
  fingerprintBytes,
  fingerprintJson,
  fingerprintJsonText,
  JSON_SCHEME,
  type Fingerprint,
  type FingerprintOptions,
} from './fingerprint/fingerprint.ts';
export type * from './options.ts';
export type { KeepReconcilingOptions } from './work/keep-reconciling.ts';
export type { PerformOptions, Work, WorkContext } from './work/perform.ts';
export type { Reconciled, ReconcileOptions, Review } from './work/reconcile.ts';
export type { RunOptions, RunResult } from './work/run-once.ts';
export type { ThrowMeans } from './work/settle.ts';
export type * from './types.ts';
export * from './work/work-errors.ts';
