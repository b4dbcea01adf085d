// The HTTP listener: a few exact paths, every size and time bounded, the same protective headers on every answer.

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer, Server as SecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { showAddress, type Address } from './config/values.ts';
import type { ConnectEndpoint } from './connect.ts';
import { boundPerAddress } from './connections.ts';
import { limits } from './limits.ts';
import { readSecureContext, watchSecureContext, type TlsFiles } from './tls.ts';

export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** A file for a browser. */
export interface FileReply extends Omit<Reply, 'body'> {
  readonly body: Buffer;
  /** Beside the protective ones, or instead of one of the same name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a browser is shown: undefined for what it did not ask for, and then the pages are looked at. */
export type Browsing = (path: string, headers: IncomingHttpHeaders) => FileReply | undefined;

/** GET and HEAD of exactly one path. */
export type Page = () => Promise<Reply> | Reply;

export interface HttpOptions {
  readonly address: Address;
  readonly pages: ReadonlyMap<string, Page>;
  /** The console. */
  readonly browsing?: Browsing | undefined;
  /** Paths of the API; it answers them itself. */
  readonly rpc?: ConnectEndpoint;
  /** Speaks HTTPS with these files, and with what they hold later. */
  readonly tls?: TlsFiles | undefined;
  readonly log: Logger;
  /** Replace the bounds, so that a test need not wait for them or open as many. */
  readonly headersMsMax?: number;
  readonly requestMsMax?: number;
  readonly connectionsPerAddressMax?: number;
}

export interface HttpListener {
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** Answers what it has read, then closes every connection. */
  close(): Promise<void>;
}

/** Of text and JSON a browser needs to run, frame and remember nothing; the console says what it needs. */
const PROTECTIVE_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

export async function startHttp({
  address,
  pages,
  browsing,
  rpc,
  tls,
  log,
  ...bounds
}: HttpOptions): Promise<HttpListener> {
  const requestMsMax = bounds.requestMsMax ?? limits.httpRequestMsMax;
  const options = {
    headersTimeout: bounds.headersMsMax ?? limits.httpHeadersMsMax,
    requestTimeout: requestMsMax,
    // Node looks for overdue requests every 30 s by default, three times as long as they may take.
    connectionsCheckingInterval: 1000,
    maxHeaderSize: limits.httpHeaderBytesMax,
  };
  const server =
    tls === undefined ? createServer(options) : createSecureServer({ ...options, ...readSecureContext(tls) });
  const stopWatching =
    server instanceof SecureServer && tls !== undefined
      ? watchSecureContext(tls, (context) => server.setSecureContext(context))
      : (): void => undefined;
  server.maxConnections = limits.httpConnectionsMax;
  boundPerAddress(server, bounds.connectionsPerAddressMax ?? limits.httpConnectionsPerAddressMax, log);
  // One above the limit: Node drops what is past it in silence, and a request that lost headers is not to be trusted.
  server.maxHeadersCount = limits.httpHeadersMax + 1;
  // Cuts off whoever reads its answer slower than this.
  server.setTimeout(requestMsMax);
  server.on('request', (request, response) => {
    if (rpc?.serves(pathOf(request)) === true && !hasTooManyHeaders(request)) {
      for (const [name, value] of Object.entries(PROTECTIVE_HEADERS)) response.setHeader(name, value);
      // A stream may be silent for long: its own limit counts, not that of a page.
      request.socket.setTimeout(limits.httpCallMsMax);
      rpc.handle(request, response);
      return;
    }
    answer({ pages, browsing }, request)
      .catch((error: unknown) => {
        log.error({ err: error, path: pathOf(request) }, 'a page failed');
        return text(500, 'internal error');
      })
      .then((reply) => send(request, response, reply))
      .catch((error: unknown) => log.debug({ err: error }, 'an HTTP answer was not sent'));
  });
  const port = await listen(server, address);
  return {
    address: { host: address.host, port },
    async close() {
      stopWatching();
      await close(server);
    },
  };
}

async function answer(
  { pages, browsing }: Pick<HttpOptions, 'pages' | 'browsing'>,
  request: IncomingMessage,
): Promise<Reply | FileReply> {
  if (hasTooManyHeaders(request)) return text(431, `more than ${limits.httpHeadersMax} headers`);
  if (Number(request.headers['content-length'] ?? 0) > limits.httpBodyBytesMax) {
    return text(413, `a body of more than ${limits.httpBodyBytesMax} bytes`);
  }
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const shown = isRead ? browsing?.(pathOf(request), request.headers) : undefined;
  if (shown !== undefined) return shown;
  const page = pages.get(pathOf(request));
  if (page === undefined) return text(404, `nothing here; there is ${[...pages.keys()].join(', ')}`);
  if (!isRead) return text(405, 'only GET and HEAD here');
  return page();
}

const hasTooManyHeaders = ({ rawHeaders }: IncomingMessage): boolean => rawHeaders.length / 2 > limits.httpHeadersMax;

/** Queries are ignored: Prometheus and balancers add their own. */
const pathOf = (request: IncomingMessage): string => (request.url ?? '/').split('?', 1)[0] ?? '/';

export const text = (status: number, body: string): Reply => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});

export const json = (status: number, body: object): Reply => ({
  status,
  contentType: 'application/json',
  body: `${JSON.stringify(body)}\n`,
});

function send(request: IncomingMessage, response: ServerResponse, reply: Reply | FileReply): void {
  if (response.destroyed) return;
  const body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body;
  response.writeHead(reply.status, {
    ...PROTECTIVE_HEADERS,
    ...('headers' in reply ? reply.headers : {}),
    'content-type': reply.contentType,
    'content-length': body.length,
    ...(reply.status === 405 ? { allow: 'GET, HEAD' } : {}),
    // A body that nobody asked for is not read, so this connection cannot carry another request.
    ...(hasBody(request) ? { connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  // Once the answer is out: whoever goes on sending would be read for up to the request's time.
  if (hasBody(request)) response.once('finish', () => request.socket.destroySoon());
}

const hasBody = ({ headers }: IncomingMessage): boolean =>
  Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined;

async function listen(server: Server | SecureServer, address: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'somebody listens there already' : error.message;
      reject(new Error(`cannot listen for HTTP on ${showAddress(address)}: ${why}`, { cause: error }));
    });
    server.listen(address, () => resolve((server.address() as AddressInfo).port));
  });
}

async function close(server: Server | SecureServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    const timer = setTimeout(() => server.closeAllConnections(), limits.httpCloseMsMax);
    server.once('close', () => clearTimeout(timer));
  });
}
