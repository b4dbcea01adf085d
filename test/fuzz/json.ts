// Connect's JSON: messages of every call, damaged texts, envelopes and headers; what the answer says.

import { Agent, request } from 'node:http';
import { create, toJsonString, type DescMethod } from '@bufbuild/protobuf';
import type { Random } from '../model/random.ts';
import { mutated, noise } from './mutate.ts';
import type { Values } from './values.ts';

const ANSWER_MS_MAX = 60_000;

export interface JsonAnswer {
  readonly status: number;
  /** Connect's code, '' without one. */
  readonly code: string;
  /** What was sent and what came back, for whoever looks into it. */
  readonly trace: string;
}

const ODD_JSON = [
  '',
  'null',
  '[]',
  '"x"',
  '{"__proto__":{"namespace":"fuzz/a"}}',
  '{"namespace":"fuzz/a","namespace":"fuzz/b"}',
  '{"constructor":{"prototype":{"key":"k"}}}',
  '{"lease":"1e999s"}',
  `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  '['.repeat(50_000),
  '{"key":"\\ud800"}',
  '{"id":18446744073709551616}',
];

export function createJsonFuzz(
  address: string,
  { random, values }: { readonly random: Random; readonly values: Values },
) {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const [, host = '', port = ''] = /^http:\/\/(.+):(\d+)$/.exec(address) ?? [];

  const bodyOf = (method: DescMethod): Buffer => {
    if (random.chance(0.1)) return Buffer.from(random.pick(ODD_JSON));
    if (random.chance(0.05)) return noise(random, 100);
    let text: string;
    try {
      text = toJsonString(method.input, create(method.input, values.message(method.input)));
    } catch {
      // Some messages have no JSON, such as a duration out of range.
      text = random.pick(ODD_JSON);
    }
    const body = random.chance(0.5) ? mutated(random, Buffer.from(text)) : Buffer.from(text);
    if (method.methodKind === 'unary') return body;
    const head = Buffer.alloc(5);
    head.writeUInt8(random.chance(0.9) ? 0 : random.between(0, 255));
    head.writeUInt32BE(random.chance(0.95) ? body.length : random.pick([0, 1, 2 ** 31]), 1);
    return Buffer.concat([head, body]);
  };

  const headersOf = (method: DescMethod): Record<string, string> => {
    const kind = method.methodKind === 'unary' ? 'application/json' : 'application/connect+json';
    return {
      'content-type': random.chance(0.95)
        ? kind
        : random.pick(['text/plain', 'application/proto', 'application/grpc-web', '']),
      'connect-protocol-version': random.chance(0.97) ? '1' : random.pick(['', '2', 'x']),
      'connect-timeout-ms': random.chance(0.97) ? '300' : random.pick(['-1', '1e9', '', '99999999999']),
      ...(random.chance(0.03) ? { 'content-encoding': random.pick(['gzip', 'br', 'zz']) } : {}),
    };
  };

  return {
    async send(method: DescMethod): Promise<JsonAnswer> {
      const path = `/${method.parent.typeName}/${method.name}`;
      const body = bodyOf(method);
      const headers = headersOf(method);
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`no answer within ${ANSWER_MS_MAX} ms: ${path} ${body.toString('hex').slice(0, 400)}`));
          call.destroy();
        }, ANSWER_MS_MAX);
        const call = request({ host, port, path, agent, method: 'POST', headers }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('close', () => {
            clearTimeout(timer);
            const text = Buffer.concat(chunks).toString('latin1');
            const [, code = ''] = /"code":"([a-z_]+)"/.exec(text) ?? [];
            const trace = JSON.stringify([path, headers, body.toString('latin1').slice(0, 300), text.slice(0, 500)]);
            resolve({ status: response.statusCode ?? 0, code, trace });
          });
        });
        call.on('error', () => {
          clearTimeout(timer);
          resolve({ status: 0, code: '', trace: '' });
        });
        call.end(body);
      });
    },
    close: () => agent.destroy(),
  };
}
