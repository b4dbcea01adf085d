// Tests that need a real Redis.

import { describeWith } from './with-package.ts';

export function describeWithRedis(name: string, tests: () => void): void {
  describeWith({ program: 'redis-server', packages: ['redis-server', 'redis-sentinel'] }, name, tests);
}
