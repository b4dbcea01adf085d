// From the configuration to the one question that listeners ask: who is this?

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { hasCredentials, type Config } from '../config/load.ts';
import { everybodyIsAnonymous, type Identify } from '../principal.ts';
import type { ApiKeys } from './api-keys.ts';
import { createAuthenticator } from './authenticate.ts';
import { parseGrant, type Grant } from './grants.ts';
import { openJwt } from './jwt.ts';

/** The secret of API keys, if the configuration names one. Read before the store opens, so that a wrong path is told early. */
export const readPepper = ({ pepperFile }: Config): Buffer | undefined =>
  pepperFile === undefined ? undefined : Buffer.from(readSecret(pepperFile, 'pepper_file'));

/** Everybody is anonymous where no credentials are configured. */
export async function openIdentify(config: Config, apiKeys: ApiKeys): Promise<Identify> {
  if (!hasCredentials(config)) return everybodyIsAnonymous;
  const { adminKeyFile, jwks, jwtIssuer: issuer, jwtAudience: audience, principalsFile } = config;
  return createAuthenticator({
    apiKeys,
    adminKey: adminKeyFile === undefined ? undefined : readSecret(adminKeyFile, 'admin_key_file'),
    verifyJwt:
      jwks === undefined || issuer === undefined || audience === undefined
        ? undefined
        : await openJwt({ jwks, issuer, audience }),
    certificates: principalsFile === undefined ? new Map() : readPrincipals(principalsFile),
  });
}

const SECRET_LENGTH_MIN = 16;

function readSecret(path: string, field: string): string {
  const secret = readText(path, field).trim();
  if (secret.length < SECRET_LENGTH_MIN) {
    throw new Error(`${field}: ${path} must hold at least ${SECRET_LENGTH_MIN} characters, found ${secret.length}`);
  }
  return secret;
}

/** `URI:spiffe://shop/checkout: [writer:payments/*]`, one line a principal. */
function readPrincipals(path: string): ReadonlyMap<string, readonly Grant[]> {
  const written: unknown = parse(readText(path, 'principals_file'));
  if (written === null || typeof written !== 'object') throw new Error(`principals_file: ${path} must be a YAML map`);
  const principals = Object.entries(written).map(([name, texts]: [string, unknown]): [string, readonly Grant[]] => {
    const grants = (Array.isArray(texts) ? texts : [texts]).map((text) => {
      const grant = parseGrant(String(text));
      if (grant !== undefined) return grant;
      throw new Error(`principals_file: ${path}: ${name}: "${String(text)}" is no grant such as writer:payments/*`);
    });
    return [name, grants];
  });
  return new Map(principals);
}

function readText(path: string, field: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new Error(`${field}: cannot read ${path}: ${error instanceof Error ? error.message : ''}`, { cause: error });
  }
}
