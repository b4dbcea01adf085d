// What a key of an HTTP request stands for: its method, its target and its body. A JSON body is compared as JSON; any other,
// and JSON of which there is no fingerprint, byte for byte.

import { FingerprintError } from '../fingerprint/fingerprint-error.ts';
import { fingerprintBytes, fingerprintJsonText, type Fingerprint } from '../fingerprint/fingerprint.ts';

export interface RequestFacts {
  readonly method: string;
  /** Path and query as sent, which no routing has changed. */
  readonly target: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

export function requestFingerprint(request: RequestFacts, exclude: readonly string[]): Fingerprint {
  const { method, target, body } = request;
  if (isJson(request.contentType)) {
    const json = jsonFingerprint(request, exclude);
    if (json !== undefined) return json;
  }
  return fingerprintBytes(Buffer.concat([Buffer.from(`${method} ${target}\n`), body]));
}

function jsonFingerprint({ method, target, body }: RequestFacts, exclude: readonly string[]): Fingerprint | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    // It must be JSON by itself, so that nothing in it can end the envelope.
    JSON.parse(text);
    const envelope = `{"body":${text},"method":${JSON.stringify(method)},"target":${JSON.stringify(target)}}`;
    return fingerprintJsonText(envelope, { exclude: exclude.map((pointer) => `/body${pointer}`) });
  } catch (error) {
    const isOfTheRequest = error instanceof SyntaxError || error instanceof TypeError;
    if (isOfTheRequest || (error instanceof FingerprintError && error.reason !== 'INVALID_EXCLUDE')) return undefined;
    throw error;
  }
}

const isJson = (contentType: string): boolean =>
  /^(application\/json|[^\s;/]+\/[^\s;/]+\+json)$/iu.test(contentType.replace(/;.*/su, '').trim());
