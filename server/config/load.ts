// What the server runs with: flags, then environment, then YAML file, then defaults. Every value remembers where it
// came from, and all mistakes are told at once.

import type { ConfigEntry } from './entry.ts';
import { readConfigFile, type ConfigFile, type FileValue } from './file.ts';
import { asPolicyValue, POLICY_FIELDS, policyEntries, readPolicies, type ConfiguredPolicies } from './policies.ts';
import { settings, type Setting, type SettingName, type ValueOf } from './settings.ts';
import { WORKER_VARIABLE } from '../workers/messages.ts';
import { isLoopback, showAddress, ValueError, withoutSecrets, type Address } from './values.ts';

export type Config = { readonly [Name in SettingName]: ValueOf<Name> } & { readonly policies: ConfiguredPolicies };

export interface LoadedConfig {
  readonly config: Config;
  readonly entries: readonly ConfigEntry[];
  readonly warnings: readonly string[];
}

export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface ConfigSources {
  /** By setting name, as written; `config` is the file. */
  readonly flags: Readonly<Record<string, string | true | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export const CONFIG_FILE = { flag: '--config <file>', environment: 'ONCED_CONFIG', help: 'YAML file with settings' };

interface Written {
  readonly raw: unknown;
  readonly source: ConfigEntry['source'];
  readonly where: string;
  /** What a mistake is said to be in: `--grpc`, `ONCED_GRPC`, `onced.yaml:3: grpc`. */
  readonly called: string;
}

const all = Object.entries(settings) as [SettingName, Setting<unknown>][];

/** Throws ConfigError with every problem found. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const named = fileOf(sources);
  const file: ConfigFile = named === undefined ? { values: [], problems: [] } : readConfigFile(named.path);
  const problems = [...file.problems, ...unknownFields(file)];
  const entries: ConfigEntry[] = named === undefined ? [] : [named.entry];
  const config: Record<string, unknown> = {};
  for (const [name, setting] of all) {
    const { raw, source, where, called } = findWritten(name, setting, sources, file);
    try {
      config[name] = setting.parse(raw);
      entries.push({ name: setting.field, value: setting.show(config[name]), source, where });
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      problems.push(`${called} ${error.message}`);
    }
  }
  const policyValues = file.values.map(asPolicyValue).filter((value) => value !== undefined);
  const policies = readPolicies(policyValues, problems);
  problems.push(...contradictions(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    config: { ...(config as Config), policies },
    entries: [...entries, ...policyEntries(policyValues, policies)],
    warnings: unknownVariables(sources.environment),
  };
}

function findWritten(
  name: SettingName,
  setting: Setting<unknown>,
  { flags, environment }: ConfigSources,
  file: ConfigFile,
): Written {
  const flag = flags[name];
  if (flag !== undefined) {
    const where = flagName(setting.flag);
    return { raw: flag, source: 'flag', where, called: where };
  }
  // An empty variable counts as not set: compose files and shells make them by leaving a value out.
  const variable = environment[setting.environment];
  if (variable !== undefined && variable !== '') {
    return { raw: variable, source: 'environment', where: setting.environment, called: setting.environment };
  }
  const inFile = file.values.find((value) => isSetting(value, setting));
  if (inFile !== undefined) {
    return { raw: inFile.raw, source: 'file', where: inFile.where, called: `${inFile.where}: ${setting.field}` };
  }
  return { raw: setting.fallback, source: 'default', where: '', called: `default of ${setting.field}` };
}

/** `--grpc <host:port>` without its argument. */
export const flagName = (flag: string): string => flag.split(' ', 1)[0] ?? flag;

const isSetting = ({ path }: FileValue, { field }: Setting<unknown>): boolean => path.length === 1 && path[0] === field;

function unknownFields({ values }: ConfigFile): string[] {
  const known = [...all.map(([, setting]) => setting.field), 'policy', 'namespaces'];
  return values
    .filter((value) => asPolicyValue(value) === undefined && !all.some(([, setting]) => isSetting(value, setting)))
    .map(({ path, where }) => {
      const there = path.length > 1 && ['policy', 'namespaces'].includes(path[0] ?? '') ? POLICY_FIELDS : known;
      return `${where}: ${path.join('.')} is no setting; there is ${there.join(', ')}`;
    });
}

function fileOf({ flags, environment }: ConfigSources): { path: string; entry: ConfigEntry } | undefined {
  const flag = flags['config'];
  const path = typeof flag === 'string' ? flag : environment[CONFIG_FILE.environment];
  if (path === undefined || path === '') return undefined;
  const source = flag === undefined ? 'environment' : 'flag';
  const where = flag === undefined ? CONFIG_FILE.environment : '--config';
  return { path, entry: { name: 'config', value: path, source, where } };
}

/** What each value alone cannot tell. Values that were refused are left out. */
function contradictions(config: Partial<Config>): string[] {
  const { grpc, http } = config;
  const problems = [open('gRPC', grpc, config), open('HTTP', http, config), alone(config), ...halves(config)];
  if (grpc !== undefined && http !== undefined && grpc.port !== 0 && showAddress(grpc) === showAddress(http)) {
    problems.push(`gRPC and HTTP cannot share ${showAddress(grpc)}: give --http or --grpc another port`);
  }
  return problems.filter((problem) => problem !== undefined);
}

/** Callers must show who they are as soon as there is a way to. */
export const hasCredentials = ({ adminKeyFile, jwks, principalsFile }: Partial<Config>): boolean =>
  adminKeyFile !== undefined || jwks !== undefined || principalsFile !== undefined;

function open(what: string, where: Address | undefined, config: Partial<Config>): string | undefined {
  const { insecure, tlsCertificate } = config;
  if (where === undefined || insecure !== false || isLoopback(where)) return undefined;
  if (hasCredentials(config) && tlsCertificate !== undefined) return undefined;
  const lacks = hasCredentials(config)
    ? 'without TLS, and whoever listens on the way could read every key'
    : 'without credentials, and whoever reaches it could settle any key';
  return (
    `${what} would listen on ${showAddress(where)} ${lacks}: listen on 127.0.0.1, give --tls-certificate and ` +
    '--admin-key-file, or say --insecure (ONCED_INSECURE=true) when the network itself is trusted'
  );
}

function alone({ workers = 1, store = '' }: Partial<Config>): string | undefined {
  const kind = store.slice(0, store.indexOf(':'));
  if (workers === 1 || !['sqlite', 'memory'].includes(kind)) return undefined;
  const why = kind === 'sqlite' ? 'lets one process at its file' : 'is memory of one process';
  return `${workers} workers cannot share ${withoutSecrets(store)}, which ${why}: give --workers 1, or a Postgres or Redis as --store`;
}

/** Settings that mean nothing alone. */
function halves(config: Partial<Config>): string[] {
  const together: readonly (readonly SettingName[])[] = [
    ['tlsCertificate', 'tlsKey'],
    ['jwks', 'jwtIssuer', 'jwtAudience'],
    ['principalsFile', 'tlsClientCa'],
  ];
  return together
    .filter(
      (names) => names.some((name) => config[name] !== undefined) && names.some((name) => config[name] === undefined),
    )
    .map(
      (names) => `${names.map((name) => flagName(settings[name].flag)).join(', ')} belong together: give all or none`,
    );
}

/** Likely spelling mistakes. Kubernetes sets ONCED_…PORT and ONCED_…SERVICE variables for a service of that name. */
function unknownVariables(environment: ConfigSources['environment']): string[] {
  const known = new Set([CONFIG_FILE.environment, WORKER_VARIABLE, ...all.map(([, setting]) => setting.environment)]);
  return Object.keys(environment)
    .filter(
      (name) => name.startsWith('ONCED_') && !known.has(name) && !/_(PORT|SERVICE)(_|$)/.test(`_${name.slice(6)}`),
    )
    .map((name) => `${name} is set, but is no setting of Onced`);
}
