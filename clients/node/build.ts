// Makes dist, with the generated messages beside the JavaScript.

import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { buildPackage } from '../build-package.ts';

const GENERATED = 'proto/gen';

const dist = buildPackage(import.meta.dirname);
// Nothing that the client does not import: the admin messages stay out.
cpSync(join(import.meta.dirname, '../..', GENERATED), join(dist, GENERATED), {
  recursive: true,
  filter: (source) => !source.includes('admin_pb'),
});
