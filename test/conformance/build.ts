// Makes dist for the package of the suite, before it is packed.

import { buildPackage } from '../../clients/build-package.ts';

buildPackage(import.meta.dirname);
