// runOnce taken apart, for frameworks that call back instead of being called: first whether to do the work, later how it
// ended.

import type { OncedClient } from '../client.ts';
import type { WorkContext } from './perform.ts';
import type { RunOptions, RunResult } from './run-once.ts';

/** Do the work, then end the run, always: until then the key's lease is kept. */
export interface OpenRun<T> {
  readonly kind: 'open';
  readonly context: WorkContext;
  /** Resolves once it is recorded; rejects as runOnce does. */
  complete(value: T): Promise<RunResult<T>>;
  /** What work would throw. Rejects as runOnce does. */
  fail(error: unknown): Promise<RunResult<T>>;
}

export interface ClosedRun<T> {
  readonly kind: 'closed';
  readonly result: RunResult<T>;
}

export async function openRun<T>(
  client: OncedClient,
  place: { readonly namespace: string; readonly key: string },
  options: RunOptions,
): Promise<OpenRun<T> | ClosedRun<T>> {
  const begun = Promise.withResolvers<WorkContext>();
  const outcome = Promise.withResolvers<T>();
  const run = client.runOnce<T>(
    place.namespace,
    place.key,
    null,
    async (context) => {
      begun.resolve(context);
      return outcome.promise;
    },
    options,
  );
  const first = await Promise.race([
    begun.promise.then((context) => ({ context })),
    run.then((result) => ({ result })),
  ]);
  if ('result' in first) return { kind: 'closed', result: first.result };
  return {
    kind: 'open',
    context: first.context,
    async complete(value) {
      outcome.resolve(value);
      return run;
    },
    async fail(error) {
      outcome.reject(error);
      return run;
    },
  };
}
