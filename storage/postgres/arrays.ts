// Postgres array literals. The driver makes them too, by way of every element's type; four plain loops cost a third of it
// (measured: 2.1 against 6.4 µs an operation of a claim).

type Maybe<T> = readonly (T | undefined)[];

export function numbers(values: Maybe<number>): string {
  return `{${values.map((value) => value ?? 'NULL').join(',')}}`;
}

export function booleans(values: readonly boolean[]): string {
  return `{${values.join(',')}}`;
}

export function bytes(values: Maybe<Uint8Array>): string {
  return `{${values.map((value) => (value === undefined ? 'NULL' : `"\\\\x${hexOf(value)}"`)).join(',')}}`;
}

export function texts(values: Maybe<string>): string {
  return `{${values.map((value) => (value === undefined ? 'NULL' : `"${escape(value)}"`)).join(',')}}`;
}

const escape = (text: string): string => (/["\\]/.test(text) ? text.replaceAll(/["\\]/g, '\\$&') : text);

const hexOf = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex');
