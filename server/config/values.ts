// From what somebody wrote (text of a flag or variable, a YAML scalar) to a value, or a sentence that says what was wrong.

import { BlockList, isIP } from 'node:net';
import { durationMs, type DurationMs } from '../../storage/contract/index.ts';

/** What is wrong with a value: completes the sentence "--grpc …". */
export class ValueError extends Error {}

export type Parse<T> = (raw: unknown) => T;

export interface Address {
  readonly host: string;
  readonly port: number;
}

const STORE_SCHEMES = [
  'sqlite',
  'postgres',
  'postgresql',
  'redis',
  'rediss',
  'redis-cluster',
  'rediss-cluster',
  'redis-sentinel',
  'rediss-sentinel',
  'memory',
];
const STORES_ALLOWED =
  'sqlite:PATH, postgres://HOST/DATABASE, redis://HOST:PORT, redis-cluster://HOST:PORT,HOST:PORT or memory:';

export const storeUrl: Parse<string> = (raw) => {
  // Without its colon too: in YAML a colon at the end would make it a group.
  const value = text(raw) === 'memory' ? 'memory:' : text(raw);
  const scheme = value.slice(0, Math.max(0, value.indexOf(':')));
  const rest = value.slice(scheme.length + 1);
  const isWhole = scheme === 'memory' ? rest === '' : scheme === 'sqlite' ? rest !== '' : /^\/\/./.test(rest);
  if (!STORE_SCHEMES.includes(scheme) || !isWhole) {
    throw new ValueError(`is "${withoutSecrets(value)}", which is not a store: ${STORES_ALLOWED}`);
  }
  return value;
};

/** A file or folder of this machine. */
export const filePath: Parse<string> = (raw) => {
  const value = text(raw);
  if (value === '' || value.includes('\0')) throw new ValueError(`is "${value}", which is not a path`);
  return value;
};

/** A store's URL as it may be shown: user and place stay, what could be a secret goes. */
export function withoutSecrets(url: string): string {
  const question = url.indexOf('?');
  const [place, query] = question < 0 ? [url, ''] : [url.slice(0, question), url.slice(question)];
  // Up to the last @, since people forget to escape those in passwords.
  const shown = place.replace(/\/\/([^:@/]*):.*@/, '//$1:***@');
  const named = query.replace(/([?&][^=&]*(?:pass|secret|token|key|cert)[^=&]*=)[^&]*/gi, '$1***');
  // A parameter may be a URL of its own, with a password of its own.
  return (
    shown + named.replace(/=([^&]*(?::|%3a)(?:\/|%2f){2}[^&]*)/gi, (_all, inner: string) => `=${shownInside(inner)}`)
  );
}

function shownInside(encoded: string): string {
  try {
    return withoutSecrets(decodeURIComponent(encoded));
  } catch {
    return '***';
  }
}

/** `host:port`; an IPv6 host in brackets; port 0 takes a free one. */
export const address: Parse<Address> = (raw) => {
  const value = text(raw);
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(value) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) {
    throw new ValueError(`is "${value}", which is not host:port, such as 127.0.0.1:50051 or [::1]:50051`);
  }
  return { host, port };
};

export const showAddress = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');
loopback.addSubnet('::ffff:127.0.0.0', 104, 'ipv6');

/** True when only this machine can reach it. A name other than localhost may resolve to anything, so it is not. */
export function isLoopback({ host }: Address): boolean {
  const family = isIP(host);
  if (family === 0) return host === 'localhost';
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `250ms`, `30s`, `15m`, `24h`, `7d`; always with a unit, so that nobody guesses it. */
export function duration({ minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): Parse<DurationMs> {
  return (raw) => {
    const value = text(raw);
    const [, digits, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(value) ?? [];
    if (digits === undefined) {
      throw new ValueError(`is "${value}", which is not a duration with a unit, such as 30s or 24h`);
    }
    const ms = Math.round(Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS]);
    if (ms < minMs || ms > maxMs) {
      throw new ValueError(`is ${value}, which is not within ${showDuration(minMs)} to ${showDuration(maxMs)}`);
    }
    return durationMs(ms);
  };
}

export function showDuration(ms: number): string {
  if (ms === 0) return '0s';
  const days = ms > 2 * UNIT_MS.d ? (['d'] as const) : [];
  const unit = ([...days, 'h', 'm', 's'] as const).find((name) => ms % UNIT_MS[name] === 0) ?? 'ms';
  return `${ms / UNIT_MS[unit]}${unit}`;
}

export function wholeNumber({ min, max }: { readonly min: number; readonly max: number }): Parse<number> {
  return (raw) => {
    const value = Number(/^\d{1,15}$/.test(text(raw)) ? text(raw) : NaN);
    if (!(value >= min && value <= max)) {
      throw new ValueError(`is "${text(raw)}", which is not a whole number from ${min} to ${max}`);
    }
    return value;
  };
}

export function oneOf<const T extends string>(...allowed: readonly T[]): Parse<T> {
  return (raw) => {
    const value = text(raw);
    const found = allowed.find((candidate) => candidate === value);
    if (found === undefined) throw new ValueError(`is "${value}", which is none of ${allowed.join(', ')}`);
    return found;
  };
}

export const yesOrNo: Parse<boolean> = (raw) => {
  const value = text(raw).toLowerCase();
  if (['true', 'yes', '1'].includes(value)) return true;
  if (['false', 'no', '0'].includes(value)) return false;
  throw new ValueError(`is "${text(raw)}", which is neither true nor false`);
};

/** Undefined when left empty. */
export const optionalText: Parse<string | undefined> = (raw) => (raw === '' ? undefined : text(raw));

/** Separated by commas; none when left empty. */
export const textList: Parse<readonly string[]> = (raw) =>
  raw === ''
    ? []
    : text(raw)
        .split(',')
        .map((part) => part.trim());

const LONGEST_SHOWN = 200;

function text(raw: unknown): string {
  if (raw === null || raw === undefined) throw new ValueError('is empty');
  if (typeof raw !== 'string' && typeof raw !== 'number' && typeof raw !== 'boolean') {
    throw new ValueError('is a list or a group, where a single value belongs');
  }
  const value = String(raw).trim();
  if (value.length > LONGEST_SHOWN * 10) throw new ValueError(`is longer than ${LONGEST_SHOWN * 10} characters`);
  return value;
}
