// Holds back what a handler writes to Node's ServerResponse until it ends, so that it can be recorded before it is sent. A
// body over the limit cannot be stored, and is let through.

import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { hasLeft, hideCaller } from './hidden-caller.ts';
import type { Headers, HeldResponse } from './stored-response.ts';

export interface Holder {
  /** Called once with the whole response; what it resolves with is sent. */
  readonly ended: (response: HeldResponse) => Promise<HeldResponse>;
  /** Called instead where the handler, or its framework, breaks the response off. */
  readonly brokenOff: () => void;
}

export function holdResponse(response: ServerResponse, bytesMax: number, { ended, brokenOff }: Holder): void {
  const original = {
    write: response.write.bind(response),
    end: response.end.bind(response),
  };
  const release = releaserOf(response);
  const chunks: Buffer[] = [];
  let bytes = 0;
  let state: 'held' | 'passing' | 'ended' = 'held';
  let hasHead = false;

  const breakOff = (): void => {
    if (state === 'ended') return;
    state = 'ended';
    brokenOff();
  };
  const showCaller = hideCaller(response, breakOff);

  const take = (chunk: unknown, encoding: unknown): void => {
    if (chunk === undefined || chunk === null || typeof chunk === 'function') return;
    const data = bytesOf(chunk, encoding);
    hasHead = true;
    bytes += data.length;
    if (state === 'held') chunks.push(data);
    if (state === 'passing' && !response.destroyed) original.write(data);
    if (state === 'held' && bytes > bytesMax) {
      state = 'passing';
      // Node writes the head by its own functions now.
      release(['writeHead', 'flushHeaders', 'headersSent']);
      showCaller();
      pass(chunks.splice(0));
    }
  };
  // Once its caller is gone nobody may end it: its status is known, and its body not kept anyway.
  const pass = (kept: readonly Buffer[]): void => {
    const close = (): void => void (hasLeft(response) ? finish() : breakOff());
    if (response.destroyed) return close();
    response.once('close', close);
    for (const data of kept) original.write(data);
  };
  const finish = async (): Promise<void> => {
    if (state === 'ended') return;
    const wasPassing = state === 'passing';
    state = 'ended';
    hasHead = true;
    const own = {
      status: response.statusCode,
      headers: headersOf(response),
      body: Buffer.concat(chunks),
      isNotKept: wasPassing,
    };
    const answer = await ended(own);
    release(['writeHead', 'flushHeaders', 'write', 'end', 'headersSent', 'writableEnded']);
    if (!wasPassing) {
      showCaller();
      sendHeld(response, answer);
    } else if (!response.destroyed) original.end();
  };

  Object.assign(response, {
    writeHead(status: number, ...rest: unknown[]) {
      if (state !== 'held' || status < 200) return response;
      response.statusCode = status;
      for (const part of rest) setHead(response, part);
      hasHead = true;
      return response;
    },
    flushHeaders() {
      hasHead = true;
    },
    write(chunk: unknown, encoding?: unknown, callback?: unknown) {
      take(chunk, encoding);
      later(callback ?? encoding);
      return true;
    },
    end(chunk?: unknown, encoding?: unknown, callback?: unknown) {
      if (state === 'ended') return response;
      take(chunk, encoding);
      const done = [chunk, encoding, callback].find((argument) => typeof argument === 'function');
      void finish().finally(() => later(done));
      return response;
    },
  });
  // As a handler's framework asks: the head counts as sent once it cannot be changed.
  Object.defineProperty(response, 'headersSent', { configurable: true, get: () => hasHead });
  Object.defineProperty(response, 'writableEnded', { configurable: true, get: () => state === 'ended' });
}

/** Writes a response whole. */
export function sendHeld(response: ServerResponse, { status, headers, body }: HeldResponse): void {
  response.statusCode = status;
  // Not those that were set before for another response.
  for (const name of response.getHeaderNames())
    if (/^(content-|transfer-encoding$|etag$)/u.test(name)) response.removeHeader(name);
  const names = new Set(headers.map(([name]) => name));
  for (const name of names) {
    const values = headers.filter(([own]) => own === name).map(([, value]) => value);
    response.setHeader(name, values.length === 1 ? (values[0] ?? '') : values);
  }
  response.end(body);
}

/** Gives functions of the response back as they were: those that middleware has put there before, too. */
function releaserOf(response: ServerResponse): (names: readonly string[]) => void {
  const own = Object.getOwnPropertyDescriptors(response) as Record<string, PropertyDescriptor>;
  return (names) => {
    for (const name of names) {
      Reflect.deleteProperty(response, name);
      if (own[name] !== undefined) Object.defineProperty(response, name, own[name]);
    }
  };
}

function bytesOf(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  return Buffer.from(chunk as Uint8Array);
}

/** The rest of writeHead's arguments: a status message, or headers as an object or a flat list. */
function setHead(response: ServerResponse, part: unknown): void {
  if (typeof part === 'string') response.statusMessage = part;
  else if (Array.isArray(part)) setPairs(response, part as OutgoingHttpHeader[]);
  else if (typeof part === 'object' && part !== null)
    for (const [name, value] of Object.entries(part as OutgoingHttpHeaders))
      if (value !== undefined) response.setHeader(name, value);
}

function setPairs(response: ServerResponse, list: readonly OutgoingHttpHeader[]): void {
  for (let index = 0; index + 1 < list.length; index += 2)
    response.setHeader(String(list[index]), list[index + 1] as OutgoingHttpHeader);
}

export function headersOf(response: ServerResponse): Headers {
  return Object.entries(response.getHeaders()).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value ?? '']).map((one): readonly [string, string] => [name, String(one)]),
  );
}

function later(callback: unknown): void {
  if (typeof callback === 'function') process.nextTick(callback);
}
