// One call from start to end: the transport, the tries, the hooks. What the client's methods have in common.

import { createTransports } from './choice.ts';
import { createConnection, type Connection } from './connection.ts';
import { closed } from './error-table.ts';
import { OncedError } from '../errors.ts';
import { logOf, type CallEnd, type ClientOptions, type Log } from '../options.ts';
import { createRetrier } from './retry.ts';
import { methodOf, type CallName, type Transport, type UnaryCalls } from './transport.ts';

export interface CallSettings {
  /** Milliseconds for all tries. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface Answered<Name extends CallName> {
  readonly response: UnaryCalls[Name]['response'];
  /** performance.now() when the try that was answered was sent, at the latest. */
  readonly sentMs: number;
}

export interface Caller {
  call<Name extends CallName>(
    name: Name,
    request: UnaryCalls[Name]['request'],
    settings: CallSettings,
  ): Promise<Answered<Name>>;
  readonly connection: Connection;
  readonly log: Log;
  readonly isClosed: boolean;
  close(): void;
}

export function createCaller(options: ClientOptions): Caller {
  const log = logOf(options);
  const connection = createConnection(options, log);
  const transports = createTransports(connection, options, log);
  const retrier = createRetrier(options.retry);
  let isClosed = false;

  const once = async <Name extends CallName>(
    transport: Transport<UnaryCalls>,
    name: Name,
    request: UnaryCalls[Name]['request'],
    settings: { timeoutMs: number; signal: AbortSignal | undefined },
  ): Promise<Answered<Name>> => {
    if (isClosed) throw closed();
    const sentMs = performance.now();
    return { response: await transport.call(name, request, settings), sentMs };
  };

  return {
    async call(name, request, { timeoutMs, signal }) {
      return retrier.run({ timeoutMs, signal }, async (attempt, leftMs) => {
        const transport = transports.choose(name);
        const settings = { timeoutMs: leftMs, signal };
        if (options.onCall === undefined) return once(transport, name, request, settings);
        const start = {
          rpc: methodOf(name).name,
          namespace: 'namespace' in request ? request.namespace : '',
          attempt,
          transport: transport.kind,
        };
        return traced(options.onCall, start, () => once(transport, name, request, settings));
      });
    },
    connection,
    log,
    get isClosed() {
      return isClosed;
    },
    close() {
      isClosed = true;
      transports.close();
      connection.close();
    },
  };
}

type OnCall = NonNullable<ClientOptions['onCall']>;

/** Tells the hook how the try ended. A hook that throws breaks no call. */
async function traced<T>(onCall: OnCall, start: Parameters<OnCall>[0], call: () => Promise<T>): Promise<T> {
  const startMs = performance.now();
  let onEnd: ReturnType<OnCall>;
  quietly(() => {
    onEnd = onCall(start);
  });
  const end = (code: CallEnd['code'], reason: string): void =>
    quietly(() => onEnd?.({ code, reason, durationMs: performance.now() - startMs }));
  try {
    const answer = await call();
    end('OK', '');
    return answer;
  } catch (error) {
    if (error instanceof OncedError) end(error.code, error.reason);
    else end('CANCELLED', '');
    throw error;
  }
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // The hook's own trouble.
  }
}
