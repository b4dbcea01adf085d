// The examples run as they are, against one server: and since all of them store the same, a charge that was made behind
// one framework is replayed behind the next.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { serveOnced } from '../support/onced.ts';
import { send } from './scene.ts';

const HTTP = ['http/express', 'http/fastify', 'http/hono'];
const GRPC = ['grpc/grpc-js', 'grpc/connect'];

async function startExample(name: string, address: string): Promise<AsyncDisposable & { readonly url: string }> {
  const program = fileURLToPath(new URL(`../../clients/examples/${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, ONCED_ADDRESS: address },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    url,
    async [Symbol.asyncDispose]() {
      const closed = once(child, 'close');
      child.kill('SIGKILL');
      await closed;
    },
  };
}

test('a worker that gets its messages again charges nothing again', async () => {
  await using server = await serveOnced(['--store', 'memory:', '--log-level', 'error']);
  const program = fileURLToPath(new URL('../../clients/examples/queue/worker.ts', import.meta.url));
  const work = async (lines: string): Promise<string> => {
    const environment = { ...process.env, ONCED_ADDRESS: server.grpc };
    const child = spawn(process.execPath, [program], { env: environment, stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(lines);
    let printed = '';
    for await (const text of child.stdout.setEncoding('utf8')) printed += String(text);
    return printed;
  };
  const message = '{"MessageId":"m-1","Body":"order-17"}\n';
  expect(await work(message)).toMatch(/^charged order-17, fencing token \d+\ndelete m-1\n$/u);
  expect(await work(message)).toBe('delete m-1\n');
  expect(await work(message.replace('17', '18'))).toMatch(/^dead letter m-1: RefusedError/u);
});

test('a charge made behind one framework is replayed behind each other', async () => {
  await using server = await serveOnced(['--store', 'memory:', '--log-level', 'error']);
  const replies = [];
  for (const name of HTTP) {
    await using service = await startExample(name, server.grpc);
    replies.push(await send(service.url, { key: 'order-17', body: '{"amount":10}' }));
  }
  const [first] = replies;
  expect(first?.body.toString()).toMatch(/^\{"charge":1,"amount":10,"fencingToken":\d+\}$/u);
  for (const { status, body } of replies) expect([status, body]).toEqual([201, first?.body]);
  expect(replies.map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true', 'true']);
});

test('a charge made behind one gRPC library is replayed behind the other', async () => {
  await using server = await serveOnced(['--store', 'memory:', '--log-level', 'error']);
  const program = fileURLToPath(new URL('../../clients/examples/grpc/call.ts', import.meta.url));
  const replies = [];
  for (const name of GRPC) {
    await using service = await startExample(name, server.grpc);
    const child = spawn(process.execPath, [program, service.url, 'order-17', '{"amount":10}']);
    let printed = '';
    for await (const text of child.stdout.setEncoding('utf8')) printed += String(text);
    replies.push(JSON.parse(printed) as { readonly charge: number; readonly order: unknown });
  }
  expect(replies[0]).toMatchObject({ charge: 1, order: { amount: 10 } });
  expect(replies[1]).toEqual(replies[0]);
});
