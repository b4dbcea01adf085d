// Tests that make system calls fail or wait.

import { describeWith } from './with-package.ts';

export function describeWithStrace(name: string, tests: () => void): void {
  describeWith({ program: 'strace', packages: ['strace'] }, name, tests);
}
