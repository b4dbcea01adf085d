import { defineConfig } from 'vitest/config';

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
