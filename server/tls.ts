// TLS for both listeners from the same files, which are read again when they change: certificates live for days now, and
// a restart for each would be a habit worth breaking.

import { readFileSync } from 'node:fs';
import { experimental, ServerCredentials } from '@grpc/grpc-js';
import type { SecureContextOptions } from 'node:tls';
import type { Config } from './config/load.ts';

/** How often the files are looked at. */
const REFRESH_MS = 5000;

export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Every gRPC caller must then show a certificate of this authority. */
  readonly clientCa: string | undefined;
}

/** Undefined without TLS. Throws when a file cannot be read. */
export function tlsFilesOf({ tlsCertificate, tlsKey, tlsClientCa }: Config): TlsFiles | undefined {
  if (tlsCertificate === undefined || tlsKey === undefined) return undefined;
  const files = { certificate: tlsCertificate, key: tlsKey, clientCa: tlsClientCa };
  readSecureContext(files);
  return files;
}

export function grpcCredentials(files: TlsFiles | undefined): ServerCredentials {
  if (files === undefined) return ServerCredentials.createInsecure();
  const provider = new experimental.FileWatcherCertificateProvider({
    certificateFile: files.certificate,
    privateKeyFile: files.key,
    ...(files.clientCa === undefined ? {} : { caCertificateFile: files.clientCa }),
    refreshIntervalMs: REFRESH_MS,
  });
  // The declaration names the first two the other way round. Certificates must be required where they are believed:
  // asked for only, grpc-js hands on ones that nobody has signed.
  const authority = files.clientCa === undefined ? null : provider;
  return experimental.createCertificateProviderServerCredentials(provider, authority, authority !== null);
}

/** What the HTTP listener needs of the files now. */
export function readSecureContext({ certificate, key }: TlsFiles): SecureContextOptions {
  return { cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.2' };
}

/** Hands over what the files hold whenever that changes. Returns the way to stop. */
export function watchSecureContext(files: TlsFiles, onChange: (context: SecureContextOptions) => void): () => void {
  const textOf = ({ cert, key }: SecureContextOptions): string => JSON.stringify([cert, key]);
  let last = textOf(readSecureContext(files));
  const timer = setInterval(() => {
    try {
      const context = readSecureContext(files);
      if (textOf(context) === last) return;
      onChange(context);
      last = textOf(context);
    } catch {
      // Half written, gone for a moment, or the key has yet to follow: what is in use stays, and is looked for again.
    }
  }, REFRESH_MS);
  timer.unref();
  return () => clearInterval(timer);
}
