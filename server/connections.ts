// Connections of the gRPC listener, bounded in number, by address (as those of HTTP are), in age, and in what they may send
// besides calls.
// grpc-js has limits for streams and idle time; these it has not, or only without telling its Session streams.

import { constants, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Server as NetServer, Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { limits } from './limits.ts';
import { replaceStreamTable } from './short-lives.ts';

export interface ConnectionBounds {
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** Give or take a tenth, so that connections opened together do not end together. */
  readonly ageMsMax: number;
  /** What calls of a connection that is too old get to finish. */
  readonly graceMs: number;
}

export const CONNECTION_BOUNDS: ConnectionBounds = {
  connectionsMax: limits.connectionsMax,
  connectionsPerAddressMax: limits.connectionsPerAddressMax,
  ageMsMax: limits.connectionAgeMsMax,
  graceMs: limits.connectionGraceMs,
};

export interface ConnectionsOptions {
  readonly bounds: ConnectionBounds;
  readonly log: Logger;
  /** The connection of this peer (host:port) takes no more calls. */
  readonly onOld: (peer: string) => void;
}

/** For a server that is bound. Throws when this release of grpc-js keeps its listeners elsewhere. */
export function boundConnections(server: Server, options: ConnectionsOptions): void {
  const { http2Servers } = server as unknown as { readonly http2Servers?: ReadonlyMap<Http2Server, unknown> };
  if (http2Servers === undefined || http2Servers.size === 0) {
    throw new Error('this release of grpc-js hides its listeners: their connections would be unbounded');
  }
  for (const listener of http2Servers.keys()) {
    listener.maxConnections = options.bounds.connectionsMax;
    boundPerAddress(listener, options.bounds.connectionsPerAddressMax, options.log);
    listener.on('session', (session: ServerHttp2Session) => {
      endWhenOld(session, options);
      endWhenFlooding(session, options.log);
      replaceStreamTable(session);
    });
  }
}

/** Before TLS, so that a handshake too many costs nothing. */
export function boundPerAddress(listener: NetServer, connectionsMax: number, log: Logger): void {
  const open = new Map<string, number>();
  listener.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const here = (open.get(address) ?? 0) + 1;
    if (here > connectionsMax) {
      log.debug({ address, connections: here }, 'too many connections from one address');
      socket.destroy();
      return;
    }
    open.set(address, here);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}

function endWhenOld(session: ServerHttp2Session, { bounds, onOld }: ConnectionsOptions): void {
  const { remoteAddress, remotePort } = session.socket;
  const peer = `${remoteAddress}:${remotePort}`;
  let timer = setTimeout(
    () => {
      if (session.destroyed) return;
      // Both GOAWAYs as gRPC wants them: first "open no more streams", then, with close, "these are the last".
      session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID);
      onOld(peer);
      session.close();
      timer = setTimeout(() => session.destroy(), bounds.graceMs);
      timer.unref();
    },
    bounds.ageMsMax * (0.9 + Math.random() / 5),
  );
  timer.unref();
  session.once('close', () => clearTimeout(timer));
}

const LAST_STREAM_ID = 2 ** 31 - 1;

/**
 * A ping costs its answer. Clients that measure their line (Go, C++) ping with the data that they exchange, by the thousand:
 * only pings with next to nothing between them are a flood.
 */
function endWhenFlooding(session: ServerHttp2Session, log: Logger): void {
  const { socket } = session;
  let pings = 0;
  let bytesBefore = 0;
  let sinceMs = performance.now();
  session.on('ping', () => {
    pings += 1;
    if (pings % limits.pingsInRowMax !== 0) return;
    const bytes = socket.bytesRead - bytesBefore;
    const isFast = performance.now() - sinceMs < limits.pingsInRowMsMin;
    bytesBefore = socket.bytesRead;
    sinceMs = performance.now();
    if (!isFast || bytes > 2 * PING_FRAME_BYTES * limits.pingsInRowMax) return;
    log.info({ address: socket.remoteAddress }, 'a connection that floods with pings is closed');
    session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  });
}

const PING_FRAME_BYTES = 17;
