// Keeps from a handler that its caller has left. Streams that are written to a response stop when that closes, and what
// sends files looks at its socket: the response would never end, and its key be held for as long as the process lives.

import type { ServerResponse } from 'node:http';

/**
 * `brokenOff` is called when the handler itself, or its framework, cuts the connection off. Returns what shows the caller
 * again, gone or not.
 */
export function hideCaller(response: ServerResponse, brokenOff: () => void): () => void {
  const original = { emit: response.emit.bind(response), destroy: response.destroy.bind(response) };
  const showSocket = hideSocket(response);
  let hasClosed = false;
  const show = (): void => {
    Object.assign(response, original);
    showSocket();
    if (!hasClosed) return;
    setClosed(response, true);
    original.emit('close');
  };
  Object.assign(response, {
    emit(event: string, ...rest: unknown[]) {
      if (event !== 'close') return original.emit(event, ...rest);
      hasClosed = true;
      setClosed(response, false);
      if (!hasLeft(response)) brokenOff();
      return true;
    },
    destroy(error?: Error) {
      show();
      brokenOff();
      return original.destroy(error);
    },
  });
  return show;
}

/** From all but Node itself, which assigns it late where requests are pipelined, and through the prototype's setter. */
function hideSocket(response: ServerResponse): () => void {
  const prototype: object = Object.getPrototypeOf(response) as object;
  Object.defineProperty(response, 'socket', {
    configurable: true,
    get: () => null,
    set(socket: unknown) {
      Reflect.set(prototype, 'socket', socket, response);
    },
  });
  return () => void Reflect.deleteProperty(response, 'socket');
}

/** Node has set both before it emits 'close'. */
function setClosed(response: ServerResponse, isClosed: boolean): void {
  Object.assign(response, { destroyed: isClosed, _closed: isClosed });
}

/** Of a response that has closed: a socket that was destroyed on this side has neither. */
export function hasLeft({ req: { socket } }: ServerResponse): boolean {
  return socket.readableEnded || (socket.errored ?? undefined) !== undefined;
}
