// A faulty network for tests: a TCP proxy on loopback between a client and a real server. It can swallow one reply after
// the server did its work, delay, black-hole either direction, refuse, and cut. Knows no protocol.

import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TcpProxy {
  readonly port: number;
  /** Connections that are open now. */
  readonly connections: number;
  /** Connections that were ever accepted. */
  readonly accepted: number;
  /**
   * Arms one fault: of the next request that fits (any, without `matches`), the server's reply is thrown away and the
   * client's socket is reset. The server is left alone until it has done all that it was asked. Resolves when it happened.
   */
  swallowNextReply(matches?: (request: Buffer) => boolean): Promise<void>;
  /**
   * Lies in wait for the next request that fits: resolves when it comes, just before it is passed on or lost. With 'lose
   * reply' it is passed on, and nothing more comes back on that connection.
   */
  catchNextRequest(matches: (request: Buffer) => boolean, fate: Fate): Promise<void>;
  /** Each chunk is held back this long, in each direction; order is kept. 0 turns it off. */
  delay(delayMs: number): void;
  /** Bytes in these directions are read and lost, on old connections and new ones, until `heal`. */
  blackHole(directions: { readonly requests?: boolean; readonly replies?: boolean }): void;
  /** Open connections are reset, and each new one as soon as it is accepted, until `heal`. */
  refuse(): void;
  /** Resets what is open now; new connections pass. */
  cut(): void;
  /** Ends every fault but what is still armed for a next request. What was black-holed stays lost. */
  heal(): void;
  close(): Promise<void>;
}

export type Fate = 'pass' | 'lose' | 'lose reply';

interface Swallow {
  readonly matches: (request: Buffer) => boolean;
  readonly done: () => void;
}

interface Catch extends Swallow {
  readonly fate: Fate;
}

interface Faults {
  delayMs: number;
  loseRequests: boolean;
  loseReplies: boolean;
  refuses: boolean;
  readonly swallows: Swallow[];
  readonly catches: Catch[];
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const faults: Faults = {
    delayMs: 0,
    loseRequests: false,
    loseReplies: false,
    refuses: false,
    swallows: [],
    catches: [],
  };
  const links = new Set<Link>();
  let accepted = 0;
  const listener = createServer({ noDelay: true }, (client) => {
    accepted += 1;
    if (faults.refuses) client.resetAndDestroy();
    else join({ client, server: connect({ ...target, noDelay: true }) }, faults, links);
  });
  const port = await listenOnLoopback(listener);
  const cut = (): void => links.forEach(reset);

  return {
    port,
    get connections() {
      return links.size;
    },
    get accepted() {
      return accepted;
    },
    swallowNextReply: (matches = () => true) =>
      new Promise((resolve) => {
        faults.swallows.push({ matches, done: resolve });
      }),
    catchNextRequest: (matches, fate) =>
      new Promise((resolve) => {
        faults.catches.push({ matches, fate, done: resolve });
      }),
    delay(delayMs) {
      faults.delayMs = delayMs;
    },
    blackHole({ requests = false, replies = false }) {
      faults.loseRequests = requests;
      faults.loseReplies = replies;
    },
    refuse() {
      faults.refuses = true;
      cut();
    },
    cut,
    heal() {
      Object.assign(faults, { delayMs: 0, loseRequests: false, loseReplies: false, refuses: false });
    },
    async close() {
      cut();
      listener.close();
      await once(listener, 'close');
    },
  };
}

async function listenOnLoopback(listener: Server): Promise<number> {
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return (listener.address() as AddressInfo).port;
}

function join(link: Link, faults: Faults, links: Set<Link>): void {
  const { client, server } = link;
  links.add(link);
  let swallow: Swallow | undefined;
  let isDeaf = false;
  pass(client, server, faults, (chunk) => {
    swallow ??= takeFitting(faults.swallows, chunk);
    const caught = takeFitting(faults.catches, chunk);
    caught?.done();
    isDeaf ||= caught?.fate === 'lose reply';
    return faults.loseRequests || caught?.fate === 'lose' ? 'lose' : 'pass';
  });
  pass(server, client, faults, () => {
    if (swallow === undefined) return faults.loseReplies || isDeaf ? 'lose' : 'pass';
    // Half-closed, not reset: the server reads the end of the stream only after it has carried out what came before.
    client.resetAndDestroy();
    server.end();
    swallow.done();
    swallow = undefined;
    return 'lose';
  });
  for (const socket of [client, server]) socket.on('error', () => socket.destroy());
  client.on('close', () => {
    links.delete(link);
    if (!server.writableEnded) server.destroy();
  });
  server.on('close', () => client.destroy());
}

function takeFitting<Armed extends Swallow>(armed: Armed[], request: Buffer): Armed | undefined {
  const place = armed.findIndex(({ matches }) => matches(request));
  return place < 0 ? undefined : armed.splice(place, 1)[0];
}

/** Copies one direction, chunk after chunk, with back-pressure. */
function pass(from: Socket, to: Socket, faults: Faults, judge: (chunk: Buffer) => 'pass' | 'lose'): void {
  let line = Promise.resolve();
  from.on('data', (chunk: Buffer) => {
    const verdict = judge(chunk);
    if (verdict === 'lose') return;
    from.pause();
    line = line.then(async () => {
      if (faults.delayMs > 0) await sleep(faults.delayMs);
      if (to.writable && !to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]).catch(() => {});
      from.resume();
    });
  });
  from.on('end', () => {
    void line.then(() => to.end());
  });
}

function reset({ client, server }: Link): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}
