// What a call leaves behind goes with V8's next minor collection, which costs next to nothing for what is dead. Two things
// kept nearly all of it until a full collection, copied twice on the way: a quarter of the CPU of a unary call.

import type { ServerHttp2Session } from 'node:http2';
import { setFlagsFromString } from 'node:v8';

/**
 * V8 learns which places in the code make objects that live long, and makes these old from the start. What an old one points
 * at outlives minor collections too, so that it learns still more. Here nothing of a call lives long; for the whole process,
 * before it serves.
 */
export const makeNothingOld = (): void => setFlagsFromString('--no-allocation-site-pretenuring');

/**
 * Gives a connection another table of its open streams. Node's is a Map, which replaces its table as entries come and go and
 * lets the old one point at the new: one that has become old keeps alive all streams after it, and with them their calls.
 * Does nothing where this release of Node keeps them elsewhere.
 */
export function replaceStreamTable(session: ServerHttp2Session): void {
  const symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'state');
  const state = symbol === undefined ? undefined : (Reflect.get(session, symbol) as { streams?: { size?: number } });
  if (state?.streams?.size === 0) state.streams = new OpenStreams();
}

/** What Node uses of a Map. Not for names that a caller chooses: an object's numbers are kept in a table of their own. */
class OpenStreams {
  readonly #byId: Record<number, unknown> = {};
  size = 0;

  get(id: number): unknown {
    return this.#byId[id];
  }

  set(id: number, stream: unknown): void {
    if (!(id in this.#byId)) this.size += 1;
    this.#byId[id] = stream;
  }

  delete(id: number): boolean {
    if (!(id in this.#byId)) return false;
    delete this.#byId[id];
    this.size -= 1;
    return true;
  }

  forEach(visit: (stream: unknown) => void): void {
    for (const stream of Object.values(this.#byId)) visit(stream);
  }
}
