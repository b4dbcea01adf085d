// Which transport a call takes: the Session where the server has it, unary calls otherwise.

import { create } from '@bufbuild/protobuf';
import { GetServerInfoRequestSchema } from '../../../proto/gen/onced/v1/idempotency_pb.js';
import type { Connection } from './connection.ts';
import type { ClientOptions, Log } from '../options.ts';
import { createSession } from './session.ts';
import { isPacked, type CallName, type PackedCalls, type Transport, type UnaryCalls } from './transport.ts';
import { createUnary } from './unary.ts';

const ASK_TIMEOUT_MS = 1_000;
/** A server without Session may be replaced by one with it. */
const ASK_AGAIN_MS = 60_000;
/** When the server's bound is not known. */
const SERVER_IN_FLIGHT_MAX = 1024;

export interface TransportChoice {
  /** The transport for this call. The server is asked once what it can do; until it has answered, calls go one by one. */
  choose(name: CallName): Transport<UnaryCalls>;
  readonly unary: Transport<UnaryCalls>;
  close(): void;
}

export function createTransports(connection: Connection, options: ClientOptions, log: Log): TransportChoice {
  const unary = createUnary(connection);
  let session: Transport<PackedCalls> | undefined;
  let isAsking = false;
  let isClosed = false;
  let askAgainAtMs = 0;

  const open = (serverInFlightMax: number): void => {
    if (isClosed) return;
    session ??= createSession({
      connection,
      log,
      serverInFlightMax,
      options: options.session ?? {},
      onUnsupported: () => {
        session = undefined;
        askAgainAtMs = performance.now() + ASK_AGAIN_MS;
      },
    });
  };
  const ask = async (): Promise<void> => {
    if (isAsking || performance.now() < askAgainAtMs) return;
    isAsking = true;
    try {
      const request = create(GetServerInfoRequestSchema);
      const info = await unary.call('getServerInfo', request, { timeoutMs: ASK_TIMEOUT_MS, signal: undefined });
      if (info.capabilities.includes('session')) open(info.sessionInFlightMax || SERVER_IN_FLIGHT_MAX);
      else askAgainAtMs = performance.now() + ASK_AGAIN_MS;
    } catch (error) {
      // The call that asked will meet the same trouble and tell its caller; the next one asks again.
      log('debug', 'could not ask the server what it can do', { detail: String(error) });
    } finally {
      isAsking = false;
    }
  };
  if (options.transport === 'session') open(SERVER_IN_FLIGHT_MAX);

  return {
    unary,
    choose(name) {
      if (options.transport === 'unary' || !isPacked(name)) return unary;
      // Only packed calls are chosen for it, so it may pass for a transport of all calls.
      if (session !== undefined) return session;
      void ask();
      return unary;
    },
    close() {
      isClosed = true;
      session?.close();
    },
  };
}
