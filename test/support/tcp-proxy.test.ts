// The faults must be what they say: a test that blames the store for the proxy's own mistake is worth nothing.

import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

describe('TCP proxy', () => {
  const served: string[] = [];
  // Answers each request with its text, and counts it as done.
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      served.push(chunk.toString());
      socket.write(`did ${chunk.toString()}`);
    });
  });
  let proxy: TcpProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    served.length = 0;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startTcpProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
    server.close();
    await once(server, 'close');
  });

  const open = (): Socket => {
    const client = connect(proxy.port, '127.0.0.1');
    clients.push(client);
    return client;
  };
  const ask = async (client: Socket, text: string, waitMs = 2_000): Promise<string> => {
    const reply = once(client, 'data', { signal: AbortSignal.timeout(waitMs) });
    client.write(text);
    return String((await reply)[0]);
  };

  test('passes bytes both ways, many megabytes of them in order', async () => {
    const client = open();
    expect(await ask(client, 'hello')).toBe('did hello');
    const block = Buffer.alloc(8 * 1024 * 1024, 'x');
    client.write(block);
    let received = 0;
    for await (const chunk of client) {
      received += (chunk as Buffer).length;
      if (received >= block.length) break;
    }
    expect(received).toBeGreaterThanOrEqual(block.length);
  });

  test('a swallowed reply: the server did the work, the client is reset, the next connection works', async () => {
    const client = open();
    await ask(client, 'first');
    const swallowed = proxy.swallowNextReply();
    await expect(ask(client, 'second')).rejects.toThrow('ECONNRESET');
    await swallowed;
    expect(served).toEqual(['first', 'second']);
    expect(await ask(open(), 'third')).toBe('did third');
  });

  test('only a request that fits loses its reply', async () => {
    const client = open();
    const swallowed = proxy.swallowNextReply((request) => request.includes('claim'));
    expect(await ask(client, 'read')).toBe('did read');
    await expect(ask(client, 'claim')).rejects.toThrow('ECONNRESET');
    await swallowed;
  });

  test('a delay holds back both directions', async () => {
    const client = open();
    proxy.delay(50);
    const startMs = performance.now();
    await ask(client, 'slow');
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(99);
  });

  test('a black hole for replies lets the work happen and the answer vanish, until healed', async () => {
    const client = open();
    await ask(client, 'first');
    proxy.blackHole({ replies: true });
    await expect(ask(client, 'lost', 100)).rejects.toThrow('aborted');
    expect(served).toEqual(['first', 'lost']);
    proxy.heal();
    expect(await ask(client, 'back')).toBe('did back');
  });

  test('a black hole for requests lets nothing happen', async () => {
    const client = open();
    proxy.blackHole({ requests: true });
    await expect(ask(client, 'lost', 100)).rejects.toThrow('aborted');
    expect(served).toEqual([]);
  });

  test('refusing resets what is open and what comes, until healed', async () => {
    const client = open();
    await ask(client, 'first');
    const end = once(client, 'close').catch(() => 'reset');
    proxy.refuse();
    await end;
    await expect(ask(open(), 'refused')).rejects.toThrow();
    expect(served).toEqual(['first']);
    proxy.heal();
    expect(await ask(open(), 'again')).toBe('did again');
  });

  test('closed connections are forgotten', async () => {
    const client = open();
    await ask(client, 'first');
    expect(proxy.connections).toBe(1);
    client.destroy();
    for (let round = 0; round < 100 && proxy.connections > 0; round += 1) await sleep(10);
    expect(proxy.connections).toBe(0);
  });
});
