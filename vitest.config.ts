import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Every test file, server and store's thread is a fresh one that loads the same sources: compiled once for all of them, which
// was a quarter of the time of test/cli.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

// Two workers: the machines that run this have two cores, and the fault tests start servers of their own.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'clients/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
