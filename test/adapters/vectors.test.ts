// What the adapters store and compare is the same in every language, so that a service may change its own and its callers'
// keys go on.

import { fromJson, toJsonString, type JsonValue } from '@bufbuild/protobuf';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readKey } from '../../clients/node/http/key-header.ts';
import { settingsOf } from '../../clients/node/http/options.ts';
import { requestFingerprint } from '../../clients/node/http/request-fingerprint.ts';
import { rpcFingerprint } from '../../clients/node/rpc/call-once.ts';
import { restoredResponse, storedResponse } from '../../clients/node/http/stored-response.ts';
import { ErrorInfoSchema } from '../../proto/gen/google/rpc/error_details_pb.js';

interface Vectors {
  readonly http_keys: readonly {
    readonly name: string;
    readonly headers: readonly string[];
    readonly key?: string;
    readonly malformed?: boolean;
  }[];
  readonly http_requests: readonly {
    readonly name: string;
    readonly method: string;
    readonly target: string;
    readonly content_type: string;
    readonly body?: string;
    readonly body_hex?: string;
    readonly exclude?: readonly string[];
    readonly scheme: string;
    readonly digest: string;
  }[];
  readonly http_responses: readonly {
    readonly name: string;
    readonly status: number;
    readonly headers: readonly (readonly [string, string])[];
    readonly body: string;
    readonly stored: string;
  }[];
  readonly grpc_requests: readonly {
    readonly name: string;
    readonly method: string;
    readonly error_info: JsonValue;
    readonly exclude?: readonly string[];
    readonly digest: string;
  }[];
}

const FILE = new URL('../../clients/vectors/adapters.json', import.meta.url);
const vectors = JSON.parse(readFileSync(FILE, 'utf8')) as Vectors;
const { replayedHeaders } = settingsOf({ namespace: 'a', scope: () => 'a' });

test.each(vectors.http_keys)('a key is read as in every language: $name', ({ headers, key, malformed }) => {
  expect(readKey(headers)).toEqual(malformed === true ? { kind: 'malformed' } : { kind: 'key', key });
});

test.each(vectors.http_requests)('a request has the fingerprint of every language: $name', (request) => {
  const { method, target, content_type: contentType, body, body_hex, exclude = [], scheme, digest } = request;
  const bytes = body_hex === undefined ? Buffer.from(body ?? '') : Buffer.from(body_hex, 'hex');
  const made = requestFingerprint({ method, target, contentType, body: bytes }, exclude);
  expect([made.scheme, Buffer.from(made.digest).toString('hex')]).toEqual([scheme, digest]);
});

test.each(vectors.http_responses)(
  'a response is stored as in every language: $name',
  ({ status, headers, body, stored }) => {
    const lower = headers.map(([name, value]): readonly [string, string] => [name.toLowerCase(), value]);
    const response = { status, headers: lower, body: Buffer.from(body), isNotKept: false };
    const made = storedResponse(response, replayedHeaders);
    expect([Buffer.from(made.result).toString(), made.contentType]).toEqual([stored, 'message/http']);
    expect(made.labels).toEqual({ 'http.status': String(status) });
    const read = restoredResponse({ value: made.result, contentType: made.contentType, labels: made.labels });
    expect([read.status, Buffer.from(read.body).toString(), read.isNotKept]).toEqual([status, body, false]);
    for (const name of replayedHeaders)
      expect(read.headers.filter(([own]) => own === name)).toEqual(lower.filter(([own]) => own === name));
  },
);

test.each(vectors.grpc_requests)('a call has the fingerprint of every language: $name', (call) => {
  const request = toJsonString(ErrorInfoSchema, fromJson(ErrorInfoSchema, call.error_info));
  const { digest } = rpcFingerprint(call.method, request, call.exclude ?? []);
  expect(Buffer.from(digest).toString('hex')).toBe(call.digest);
});
