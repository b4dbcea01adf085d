// Makes dist, with the generated messages beside the JavaScript.

import { buildPackage, copyMessages } from '../build-package.ts';

copyMessages(buildPackage(import.meta.dirname));
