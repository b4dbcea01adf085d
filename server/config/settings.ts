// Every setting of the process: where it may be written, its default, what it may be. The rules of namespaces are beside
// it in the file only (policies.ts).

import { limits } from '../limits.ts';
import { LOG_LEVELS } from '../log.ts';
import {
  address,
  duration,
  oneOf,
  showAddress,
  showDuration,
  storeUrl,
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
  insecure: setting({
    flag: '--insecure',
    environment: 'ONCED_INSECURE',
    field: 'insecure',
    fallback: 'false',
    parse: yesOrNo,
    show: String,
    help: 'serve without credentials to other machines too',
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
} as const;

export type SettingName = keyof typeof settings;
export type ValueOf<Name extends SettingName> = ReturnType<(typeof settings)[Name]['parse']>;
