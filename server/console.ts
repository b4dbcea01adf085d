// The console's built files, read once at the start: compressed ahead, named by their content, so that a browser keeps
// them for good; the page that names them is asked for each time.

import type { IncomingHttpHeaders } from 'node:http';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browsing, FileReply } from './http.ts';

const CONSOLE_FOLDER = fileURLToPath(new URL('../clients/console/dist', import.meta.url));

interface StaticFile {
  readonly contentType: string;
  readonly body: Buffer;
  /** Undefined where it would not be smaller. */
  readonly brotli: Buffer | undefined;
  readonly gzip: Buffer | undefined;
  /** Its name changes when its content does. */
  readonly isNamedByContent: boolean;
}

interface ConsoleFiles {
  /** By path, such as /assets/index-1a2b3c.js. */
  readonly files: ReadonlyMap<string, StaticFile>;
  /** Shown on every path of the console. */
  readonly index: StaticFile;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Scripts and styles of its own and nothing else: what a key or a payload could smuggle into the page would not run. No
 * string becomes markup or script either (trusted types).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const INDEX_HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  // At / others than browsers get text.
  vary: 'accept, accept-encoding',
};
const ASSET_HEADERS = { 'cache-control': 'public, max-age=31536000, immutable', vary: 'accept-encoding' };

/** Undefined when the console has not been built. */
export function openConsole(folder = CONSOLE_FOLDER): Browsing | undefined {
  const found = readConsole(folder);
  if (found === undefined) return undefined;
  return (path, headers) => {
    const file = found.files.get(path);
    if (file !== undefined) return replyWith(file, headers, file.isNamedByContent ? ASSET_HEADERS : {});
    return isForPage(path, headers) ? replyWith(found.index, headers, INDEX_HEADERS) : undefined;
  };
}

/** Any page of the console: the browser's script knows which there are. Of other listeners' paths none asks for HTML. */
const isForPage = (path: string, { accept = '' }: IncomingHttpHeaders): boolean =>
  accept.includes('text/html') && PAGE_PATH.test(path) && !OTHER_PATHS.has(path);
const PAGE_PATH = /^\/[a-z-]*$/;
const OTHER_PATHS: ReadonlySet<string> = new Set(['/metrics', '/healthz', '/readyz']);

function replyWith(
  { body, brotli, gzip, contentType }: StaticFile,
  request: IncomingHttpHeaders,
  headers: Readonly<Record<string, string>>,
): FileReply {
  const accepted = request['accept-encoding'] ?? '';
  const plain = { status: 200, contentType, body, headers };
  if (brotli !== undefined && /\bbr\b/.test(accepted)) return encoded(plain, 'br', brotli);
  if (gzip !== undefined && /\bgzip\b/.test(accepted)) return encoded(plain, 'gzip', gzip);
  return plain;
}

const encoded = (reply: FileReply, encoding: string, body: Buffer): FileReply => ({
  ...reply,
  body,
  headers: { ...reply.headers, 'content-encoding': encoding },
});

function readConsole(folder: string): ConsoleFiles | undefined {
  const files = new Map(namesIn(folder).map((name) => [`/${name}`, readStatic(folder, name)]));
  const index = files.get('/index.html');
  files.delete('/index.html');
  return index === undefined ? undefined : { files, index };
}

function namesIn(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    return names.map((name) => name.replaceAll('\\', '/')).filter((name) => CONTENT_TYPES[extname(name)] !== undefined);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readStatic(folder: string, name: string): StaticFile {
  const path = join(folder, name);
  return {
    contentType: CONTENT_TYPES[extname(name)] ?? '',
    body: readFileSync(path),
    brotli: readIfThere(`${path}.br`),
    gzip: readIfThere(`${path}.gz`),
    isNamedByContent: name.startsWith('assets/'),
  };
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
