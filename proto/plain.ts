// What the short way of codec.ts knows of messages, which is most of proto3, and how it makes a function for each type. The
// functions name the fields in their text: looking them up by name, as protobuf-es has to, costs three times as much.

import { create, ScalarType, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { Edition, isWrapperDesc } from '@bufbuild/protobuf/wkt';

export type Simple = 'string' | 'bytes' | 'bool' | 'uint32' | 'int32' | 'long';
/** `messages` is a list, `texts` a map from strings to strings. */
export type Kind = Simple | 'message' | 'messages' | 'texts';

const SCALARS: { readonly [type in ScalarType]?: Simple } = {
  [ScalarType.STRING]: 'string',
  [ScalarType.BYTES]: 'bytes',
  [ScalarType.BOOL]: 'bool',
  [ScalarType.UINT32]: 'uint32',
  [ScalarType.INT32]: 'int32',
  [ScalarType.UINT64]: 'long',
  [ScalarType.INT64]: 'long',
};

/** Undefined: the short way ends at such a field. */
export function kindOf(field: DescField): Kind | undefined {
  switch (field.fieldKind) {
    case 'scalar':
      return field.longAsString ? undefined : SCALARS[field.scalar];
    case 'enum':
      return 'int32';
    case 'message':
      return isPlain(field.message) ? 'message' : undefined;
    case 'list':
      return field.listKind === 'message' && isPlain(field.message) ? 'messages' : undefined;
    case 'map':
      return field.mapKey === ScalarType.STRING && field.scalar === ScalarType.STRING ? 'texts' : undefined;
  }
}

/** Other editions tell by prototypes what was sent, a wrapper is the value in it, a tree has any depth. */
export const isPlain = (message: DescMessage): boolean =>
  message.file.edition === Edition.EDITION_PROTO3 && !isWrapperDesc(message) && !isTree(message);

const isTree = (message: DescMessage, within: readonly DescMessage[] = []): boolean =>
  within.includes(message) ||
  message.fields.some((field) => field.message !== undefined && isTree(field.message, [...within, message]));

const VARINTS: readonly Kind[] = ['bool', 'uint32', 'int32', 'long'];

export const tagOf = ({ number }: DescField, kind: Kind): number => number * 8 + (VARINTS.includes(kind) ? 0 : 2);

export const NO_CASE = '{ case: undefined }';

/** As text: what the member is in a message that was sent without it. */
export function zeroOf(message: DescMessage, name: string): string {
  const zero = (create(message) as Message & Record<string, unknown>)[name];
  if (typeof zero === 'bigint') return `${zero}n`;
  if (zero instanceof Uint8Array) return 'NO_BYTES';
  if (Array.isArray(zero)) return '[]';
  if (typeof zero === 'object') return message.oneofs.some(({ localName }) => localName === name) ? NO_CASE : '{}';
  return JSON.stringify(zero) ?? 'undefined';
}

/** Of the entries of a map. */
export const KEY_TAG = 10;
export const VALUE_TAG = 18;

const NOT_PLAIN = new Error('not plain');

/** Always the same error: to make one costs more than to read a message. */
export function notPlain(): never {
  throw NOT_PLAIN;
}

export const NO_BYTES = new Uint8Array(0);

/** The name of the function for what a field holds. */
export type Nested = (field: DescField) => string;

/** The text of a function, which may use those of its fields, notPlain and NO_BYTES. */
type Source = (message: DescMessage, nested: Nested) => string;

/** Makes each function on first use: notPlain for types that are not, and for all where node may not make code of text. */
export function functionsOf(source: Source): (message: DescMessage) => unknown {
  const made = new Map<DescMessage, unknown>();
  const functionOf = (message: DescMessage): unknown => {
    if (!made.has(message)) made.set(message, isPlain(message) ? compiled(message) : notPlain);
    return made.get(message);
  };
  const compiled = (message: DescMessage): unknown => {
    const others = message.fields.flatMap((field) => field.message ?? []);
    const names = others.map((_, index) => `nested${index}`);
    const text = source(message, (field) => names[others.findIndex((other) => other === field.message)] ?? '');
    try {
      // Made of our own descriptors alone.
      // oxlint-disable-next-line typescript/no-implied-eval
      const make = new Function('notPlain', 'NO_BYTES', ...names, `'use strict'; return ${text}`);
      return make(notPlain, NO_BYTES, ...others.map(functionOf));
    } catch (error) {
      if (error instanceof EvalError) return notPlain;
      throw error;
    }
  };
  return functionOf;
}
