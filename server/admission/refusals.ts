// The refusals of admission. Each is made once and sent many times: a refusal must cost next to nothing, and making an
// error (its stack) and packing its details are the most of it.

import { Rejection } from '../errors.ts';
import type { LoadClass, RefusalCause } from './load-class.ts';

const made = new Map<string, Rejection>();

/** As many as there are classes, causes and delays: some dozens. */
export function overloadRejection(load: LoadClass, cause: RefusalCause, retryAfterMs: number): Rejection {
  const name = `${load} ${cause} ${retryAfterMs}`;
  const known = made.get(name);
  if (known !== undefined) return known;
  const rejection = new Rejection('OVERLOADED', MESSAGES[cause], { metadata: { cause, class: load }, retryAfterMs });
  made.set(name, rejection);
  return rejection;
}

const MESSAGES: Readonly<Record<RefusalCause, string>> = {
  queue_full: 'the server has more to do than it can; nothing was written, ask again after the delay',
  waited_too_long: 'the server did not come to this call in time; nothing was written, ask again after the delay',
  event_loop: "the server's processor is overloaded; nothing was written, ask again after the delay",
  heap: "the server's memory is nearly full; nothing was written, ask again after the delay",
  streams: 'as many of these streams run as the server allows; ask again after the delay',
};
