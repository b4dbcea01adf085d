// The attempt under which a handler runs.

import type { WorkContext } from '../work/perform.ts';

const attempts = new WeakMap<object, WorkContext>();

export function setAttempt(request: object, context: WorkContext): void {
  attempts.set(request, context);
}

/**
 * What the work of runOnce is given: fencing token, checkpoint, signal. Of Express' and Fastify's request, and of Hono's
 * context; undefined for a request without a key.
 */
export const attemptOf = (request: object): WorkContext | undefined => attempts.get(request);
