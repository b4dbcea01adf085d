// Where the Redis is: the URL that an operator writes, as plain data.

import { StoreRefusedError } from '../contract/index.ts';
import { TIERS, type Tier } from './tiers.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface RedisLocation {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly addresses: readonly Address[];
  /** What the Sentinels call the primary; empty elsewhere. */
  readonly sentinelName: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly tls: boolean;
  readonly database: number;
  /** Starts every key name, so that several Onced, or others, share a Redis. */
  readonly prefix: string;
  /** What an acknowledgement must mean; undefined: the strictest that the nodes can hold now. */
  readonly tier: Tier | undefined;
  /** How many replicas must confirm on tier replica; undefined: all that a primary has at the start. */
  readonly replicas: number | undefined;
  /** As an operator may read it, without credentials. */
  readonly text: string;
}

const KINDS: Readonly<Record<string, { readonly kind: RedisLocation['kind']; readonly tls: boolean; port: number }>> = {
  'redis:': { kind: 'single', tls: false, port: 6379 },
  'rediss:': { kind: 'single', tls: true, port: 6379 },
  'redis-sentinel:': { kind: 'sentinel', tls: false, port: 26_379 },
  'rediss-sentinel:': { kind: 'sentinel', tls: true, port: 26_379 },
  'redis-cluster:': { kind: 'cluster', tls: false, port: 6379 },
  'rediss-cluster:': { kind: 'cluster', tls: true, port: 6379 },
};

const EXAMPLES =
  'redis://host:6379/0, redis-sentinel://host:26379,host:26379/mymaster or redis-cluster://host:6379,host:6379, ' +
  'each with rediss for TLS and optionally user:password@, ?tier=, ?replicas=, ?prefix=';

/** Reads a URL such as redis-cluster://user:password@one:6379,two:6379?tier=replica&prefix=onced. */
export function parseLocation(url: string): RedisLocation {
  const [, scheme = '', credentials, hosts = '', path = '', query = ''] =
    /^([a-z-]+:)\/\/(?:(.*)@)?([^/?@]*)\/?([^?]*)(?:\?(.*))?$/.exec(url) ?? [];
  const known = KINDS[scheme];
  if (known === undefined || hosts === '') refuse('the URL is not one of a Redis');
  const [username, ...password] = (credentials ?? '').split(':');
  const options = new URLSearchParams(query);
  const database = known.kind === 'sentinel' ? (options.get('db') ?? '0') : path || '0';
  if (known.kind === 'sentinel' && path === '') refuse('the name of the primary is missing behind the Sentinels');
  if (known.kind === 'cluster' && database !== '0') refuse('a Redis Cluster has no database but 0');
  return {
    kind: known.kind,
    addresses: hosts.split(',').map((host) => parseAddress(host, known.port)),
    sentinelName: known.kind === 'sentinel' ? decodeURIComponent(path) : '',
    username: decoded(username),
    password: credentials === undefined ? undefined : decoded(password.join(':')),
    tls: known.tls,
    database: wholeNumber('the database', database),
    prefix: prefixOf(options.get('prefix') ?? 'onced'),
    tier: options.has('tier') ? tierOf(options.get('tier') ?? '') : undefined,
    replicas: options.has('replicas') ? wholeNumber('replicas', options.get('replicas') ?? '') : undefined,
    text: `${scheme}//${hosts}${path === '' ? '' : `/${path}`}`,
  };
}

/** Reads host:port, where the host may be an IPv6 address in brackets. */
export function parseAddress(text: string, portElse: number): Address {
  const [, ipv6, name, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined) refuse(`${JSON.stringify(text)} is not a host and port`);
  return { host, port: port === undefined ? portElse : wholeNumber('the port', port) };
}

export const addressText = ({ host, port }: Address): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

function prefixOf(text: string): string {
  if (!/^[a-zA-Z0-9_.-]{1,64}$/.test(text)) refuse('the prefix must be 1 to 64 of a-z A-Z 0-9 . _ -');
  return text;
}

function tierOf(text: string): Tier {
  const tier = TIERS.find((known) => known === text);
  if (tier === undefined) refuse(`the tier must be one of ${TIERS.join(', ')}`);
  return tier;
}

function wholeNumber(what: string, text: string): number {
  if (!/^\d{1,5}$/.test(text)) refuse(`${what} must be a whole number, found ${JSON.stringify(text)}`);
  return Number(text);
}

const decoded = (text: string | undefined): string | undefined =>
  text === undefined || text === '' ? undefined : decodeURIComponent(text);

function refuse(why: string): never {
  throw new StoreRefusedError(`${why}; write ${EXAMPLES}`);
}
