// What a client is made of: the options of createClient, with units and defaults.

import type { Code } from './errors.ts';

export interface ClientOptions {
  /**
   * host:port of the server's gRPC listener, such as 127.0.0.1:50051. Several servers on one store: a list of IP
   * addresses with ports, or `dns:///name:port` for all addresses of a name. The client keeps to one of them, and goes to
   * another when that one ends; each client starts with any of them.
   */
  readonly address: string | readonly string[];
  /** Sent as `authorization: Bearer …`. A function is asked for each call, and for each new Session. Default: none. */
  readonly token?: string | (() => string | Promise<string>);
  /**
   * `true`: TLS with the machine's certificate authorities; an object: with these. `false`: plain text, also for a token.
   * Default: plain text, and a token is refused for any address but loopback.
   */
  readonly tls?: boolean | TlsOptions;
  /** Who asks, for people; shown to other callers of the namespace. Up to 256 bytes. Default: host name and process id. */
  readonly owner?: string;
  /** `auto`: Session where the server has it, unary otherwise. Default: auto. */
  readonly transport?: 'auto' | 'session' | 'unary';
  readonly retry?: RetryOptions;
  readonly session?: SessionOptions;
  /** Told of reconnects, renewals that failed, late timers and the like. Never given a payload. Default: nobody. */
  readonly log?: (entry: LogEntry) => void;
  /** Told when each try of a call starts; the function it returns is told how it ended. For spans. Default: nobody. */
  readonly onCall?: (call: CallStart) => ((end: CallEnd) => void) | void;
}

/** PEM files' contents. */
export interface TlsOptions {
  /** Certificate authorities to trust. Default: the machine's. */
  readonly rootCertificates?: Uint8Array;
  /** This client's own key, for mutual TLS. Default: none. */
  readonly privateKey?: Uint8Array;
  /** The certificate chain of `privateKey`. Default: none. */
  readonly certificateChain?: Uint8Array;
  /** Name to expect in the server's certificate. Default: the host of `address`. */
  readonly serverName?: string;
}

/** Only what is safe and useful is retried: UNAVAILABLE, and RESOURCE_EXHAUSTED with a delay from the server. */
export interface RetryOptions {
  /**
   * Tries of one call. Default: 4; 1 turns retries off. A call that a busy server sheds was not tried: it is repeated after
   * the server's delay for as long as its time lasts.
   */
  readonly triesMax?: number;
  /** Milliseconds; the wait before retry n is random below this times 2^n, and on top of what the server asks. Default: 50. */
  readonly backoffMsMin?: number;
  /** Milliseconds that the random wait never exceeds. Default: 1,000. */
  readonly backoffMsMax?: number;
}

export interface SessionOptions {
  /** Operations unanswered at a time; the server's own limit holds too. Default: 1,024. */
  readonly inFlightMax?: number;
  /** Operations that wait for their turn; more are refused with OverloadedError. Default: 65,536. */
  readonly queueMax?: number;
  /** Milliseconds without operations after which the stream is closed, so that it keeps no process alive. Default: 1,000. */
  readonly idleMs?: number;
}

export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn';
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number | boolean | undefined>>;
}

export interface CallStart {
  /** Name of the RPC, such as BeginIntent. */
  readonly rpc: string;
  readonly namespace: string;
  /** 1 for the first try. */
  readonly attempt: number;
  readonly transport: 'session' | 'unary';
}

export interface CallEnd {
  readonly code: Code;
  /** Empty when it went well. */
  readonly reason: string;
  readonly durationMs: number;
}

export type Log = (level: LogEntry['level'], message: string, fields?: LogEntry['fields']) => void;

/** A log hook that throws must not break a call. */
export function logOf(options: ClientOptions): Log {
  const { log } = options;
  if (log === undefined) return () => {};
  return (level, message, fields = {}) => {
    try {
      log({ level, message, fields });
    } catch {
      // The hook's own trouble.
    }
  };
}
