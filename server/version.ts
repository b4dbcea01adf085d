// What GetServerInfo says of this release.

import packageJson from '../package.json' with { type: 'json' };

export const VERSION: string = packageJson.version;

/** Calls beyond the unary core that this server answers. */
export const CAPABILITIES: readonly string[] = ['session', 'watch', 'issue_keys', 'claim_orphans', 'admin'];
