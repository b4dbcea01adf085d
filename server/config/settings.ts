// Every setting of the process: where it may be written, its default, what it may be. The rules of namespaces are beside
// it in the file only (policies.ts).

import { limits } from '../limits.ts';
import { LOG_LEVELS } from '../log.ts';
import {
  address,
  duration,
  filePath,
  oneOf,
  optionalText,
  showAddress,
  showDuration,
  storeUrl,
  textList,
  wholeNumber,
  withoutSecrets,
  yesOrNo,
  type Parse,
} from './values.ts';

export interface Setting<T> {
  /** As commander wants it. */
  readonly flag: string;
  readonly environment: string;
  /** In the YAML file. */
  readonly field: string;
  /** Written as a user would, so that it takes the same way as theirs. */
  readonly fallback: string;
  readonly parse: Parse<T>;
  readonly show: (value: T) => string;
  readonly help: string;
}

/** Pins the type of the value while the table keeps its names. */
const setting = <T>(definition: Setting<T>): Setting<T> => definition;

export const settings = {
  store: setting({
    flag: '--store <url>',
    environment: 'ONCED_STORE',
    field: 'store',
    fallback: 'sqlite:./data/onced.db',
    parse: storeUrl,
    show: withoutSecrets,
    help: 'where records live: sqlite:PATH, postgres://…, redis://…, redis-cluster://host:port,host:port or memory:',
  }),
  grpc: setting({
    flag: '--grpc <host:port>',
    environment: 'ONCED_GRPC',
    field: 'grpc',
    fallback: '127.0.0.1:50051',
    parse: address,
    show: showAddress,
    help: 'where gRPC listens; port 0 takes a free one',
  }),
  http: setting({
    flag: '--http <host:port>',
    environment: 'ONCED_HTTP',
    field: 'http',
    fallback: '127.0.0.1:8080',
    parse: address,
    show: showAddress,
    help: 'where HTTP listens: /metrics, /healthz, /readyz',
  }),
  workers: setting({
    flag: '--workers <number>',
    environment: 'ONCED_WORKERS',
    field: 'workers',
    fallback: '1',
    parse: wholeNumber({ min: 1, max: limits.workersMax }),
    show: String,
    help: 'server processes that share both ports; Postgres and Redis only',
  }),
  insecure: setting({
    flag: '--insecure',
    environment: 'ONCED_INSECURE',
    field: 'insecure',
    fallback: 'false',
    parse: yesOrNo,
    show: String,
    help: 'serve without credentials to other machines too',
  }),
  journal: setting({
    flag: '--journal <path>',
    environment: 'ONCED_JOURNAL',
    field: 'journal',
    fallback: './data/onced-journal.db',
    parse: filePath,
    show: String,
    help: 'what is kept while the store is down, for namespaces with on_store_outage CONTINUE_DEGRADED',
  }),
  archiveFolder: setting({
    flag: '--archive-folder <folder>',
    environment: 'ONCED_ARCHIVE_FOLDER',
    field: 'archive_folder',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'where records of namespaces with archive are written before they are removed; without it they stay',
  }),
  logLevel: setting({
    flag: '--log-level <level>',
    environment: 'ONCED_LOG_LEVEL',
    field: 'log_level',
    fallback: 'info',
    parse: oneOf(...LOG_LEVELS),
    show: String,
    help: `least important line that is logged: ${LOG_LEVELS.join(', ')}`,
  }),
  lameDuckMs: setting({
    flag: '--lame-duck <duration>',
    environment: 'ONCED_LAME_DUCK',
    field: 'lame_duck',
    fallback: '0s',
    parse: duration({ minMs: 0, maxMs: limits.lameDuckMsMax }),
    show: showDuration,
    help: 'how long to go on serving as "not ready" on SIGTERM, so that a balancer notices first',
  }),
  adminKeyFile: setting({
    flag: '--admin-key-file <file>',
    environment: 'ONCED_ADMIN_KEY_FILE',
    field: 'admin_key_file',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'file with the key that is admin everywhere; makes the first API keys, and turns credentials on',
  }),
  pepperFile: setting({
    flag: '--pepper-file <file>',
    environment: 'ONCED_PEPPER_FILE',
    field: 'pepper_file',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'file with the secret that API keys are hashed with; without it one is kept in the store',
  }),
  sealingKeys: setting({
    flag: '--sealing-keys <file>',
    environment: 'ONCED_SEALING_KEYS',
    field: 'sealing_keys',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'file (or env:NAME of a variable) with keys that seal results, checkpoints and error details; the last one is in use',
  }),
  jwtIssuer: setting({
    flag: '--jwt-issuer <issuer>',
    environment: 'ONCED_JWT_ISSUER',
    field: 'jwt_issuer',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'issuer that JSON Web Tokens must name',
  }),
  jwtAudience: setting({
    flag: '--jwt-audience <audience>',
    environment: 'ONCED_JWT_AUDIENCE',
    field: 'jwt_audience',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'audience that JSON Web Tokens must name',
  }),
  jwks: setting({
    flag: '--jwks <url or file>',
    environment: 'ONCED_JWKS',
    field: 'jwks',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'where the keys of the issuer are: an https URL or a file',
  }),
  tlsCertificate: setting({
    flag: '--tls-certificate <file>',
    environment: 'ONCED_TLS_CERTIFICATE',
    field: 'tls_certificate',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'PEM certificate chain; turns TLS on for both listeners, read again when it changes',
  }),
  tlsKey: setting({
    flag: '--tls-key <file>',
    environment: 'ONCED_TLS_KEY',
    field: 'tls_key',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'PEM private key of the certificate',
  }),
  tlsClientCa: setting({
    flag: '--tls-client-ca <file>',
    environment: 'ONCED_TLS_CLIENT_CA',
    field: 'tls_client_ca',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'PEM authority; every gRPC caller must then show a certificate signed by it',
  }),
  principalsFile: setting({
    flag: '--principals-file <file>',
    environment: 'ONCED_PRINCIPALS_FILE',
    field: 'principals_file',
    fallback: '',
    parse: optionalText,
    show: (value) => value ?? '',
    help: 'YAML of grants by subject alternative name of client certificates',
  }),
  corsOrigins: setting({
    flag: '--cors-origins <list>',
    environment: 'ONCED_CORS_ORIGINS',
    field: 'cors_origins',
    fallback: '',
    parse: textList,
    show: (value) => value.join(','),
    help: 'origins, separated by commas, whose pages may call over HTTP',
  }),
} as const;

export type SettingName = keyof typeof settings;
export type ValueOf<Name extends SettingName> = ReturnType<(typeof settings)[Name]['parse']>;
