// The grpc-js channel: its options, credentials, and a fresh channel when the old one has gone silent.

import { isIP } from 'node:net';
import { Client, credentials, Metadata, type ChannelCredentials, type ChannelOptions } from '@grpc/grpc-js';
import type { ClientOptions, Log, TlsOptions } from '../options.ts';
import { unreachable } from './error-table.ts';

/**
 * Calls in a row without any answer before the channel is replaced. A channel whose target moved behind a load balancer
 * can hang until the process restarts (grpc-node #2785).
 */
const SILENT_CALLS_MAX = 3;

const CHANNEL_OPTIONS: ChannelOptions = {
  // Retries are ours: grpc-js's own would not keep to our budget, nor to the server's delay.
  'grpc.enable_retries': 0,
  'grpc.service_config_disable_resolution': 1,
  // Its default backoff reaches two minutes, for which every call would fail after a server was restarted.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // A dead connection is noticed within 25 s while calls are open.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 5_000,
  // Results up to 1 MiB come packed several to a message.
  'grpc.max_receive_message_length': 16 * 1024 * 1024,
  'grpc.max_send_message_length': -1,
  // Each client has connections of its own, so that close() closes them.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.primary_user_agent': 'onced-node',
};

export interface Connection {
  readonly client: Client;
  /** Metadata of a call, with the credentials of now. Rejects with an OncedError that may be retried. */
  metadata(): Promise<Metadata> | Metadata;
  /** Something came back. */
  noteAnswer(): void;
  /** A call's time ran out and nothing came back. */
  noteSilence(): void;
  close(): void;
}

export function createConnection(options: ClientOptions, log: Log): Connection {
  const { address, token } = options;
  checkAddress(options);
  // grpc-js copies the metadata of each call, so that one may serve all.
  const fixed = typeof token === 'string' ? bearer(token) : new Metadata();
  let client: Client | undefined;
  let silentCalls = 0;
  const target = targetOf(address);
  const open = (): Client => new Client(target, channelCredentials(options.tls), channelOptions(options.tls));

  return {
    get client() {
      client ??= open();
      return client;
    },
    metadata() {
      return typeof token === 'function' ? askFor(token) : fixed;
    },
    noteAnswer() {
      silentCalls = 0;
    },
    noteSilence() {
      silentCalls += 1;
      if (silentCalls < SILENT_CALLS_MAX) return;
      silentCalls = 0;
      log('warn', 'no answer to several calls in a row: opening a new connection', { address: target });
      // Calls still open on the old channel end by their own deadline.
      client?.close();
      client = undefined;
    },
    close() {
      client?.close();
    },
  };
}

async function askFor(token: () => string | Promise<string>): Promise<Metadata> {
  try {
    return bearer(await token());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw unreachable(`the token could not be had: ${why}`, error);
  }
}

function bearer(token: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

function channelCredentials(tls: ClientOptions['tls']): ChannelCredentials {
  if (tls === undefined || tls === false) return credentials.createInsecure();
  const pem = (file: Uint8Array | undefined): Buffer | null => (file === undefined ? null : Buffer.from(file));
  const { rootCertificates, privateKey, certificateChain }: TlsOptions = tls === true ? {} : tls;
  return credentials.createSsl(pem(rootCertificates), pem(privateKey), pem(certificateChain));
}

function channelOptions(tls: ClientOptions['tls']): ChannelOptions {
  const serverName = typeof tls === 'object' ? tls.serverName : undefined;
  return serverName === undefined
    ? CHANNEL_OPTIONS
    : { ...CHANNEL_OPTIONS, 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName };
}

function checkAddress({ address, token, tls }: ClientOptions): void {
  const addresses: readonly string[] = Array.isArray(address) ? address : [address];
  for (const each of addresses) {
    if (typeof each === 'string' && /:\d+$/u.test(each)) continue;
    throw new TypeError(`address must be host:port, such as 127.0.0.1:50051, found ${JSON.stringify(each)}`);
  }
  if (addresses.length === 0) throw new TypeError('address must name at least one server, found []');
  const plain = addresses.find((each) => !isLoopback(each));
  if (token !== undefined && tls === undefined && plain !== undefined) {
    throw new TypeError(`the token would travel to ${plain} in plain text: give tls, or tls: false to accept that`);
  }
}

/** What grpc-js calls it. In random order, so that many clients share the servers. */
function targetOf(address: ClientOptions['address']): string {
  if (typeof address === 'string') return address;
  const [only] = address;
  if (only !== undefined && address.length === 1) return only;
  const versions = new Set(address.map((each) => isIP(hostOf(each))));
  const [version = 0] = versions;
  if (versions.size > 1 || version === 0) {
    const found = JSON.stringify(address);
    throw new TypeError(
      `a list of addresses must be of IPv4 or of IPv6 addresses, found ${found}; for a name use dns:///name:port`,
    );
  }
  const shuffled = address.map((each) => ({ each, place: Math.random() })).toSorted((a, b) => a.place - b.place);
  return `ipv${version}:${shuffled.map(({ each }) => each).join(',')}`;
}

const hostOf = (address: string): string => address.slice(0, address.lastIndexOf(':')).replaceAll(/[[\]]/gu, '');

function isLoopback(address: string): boolean {
  const host = hostOf(address);
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
