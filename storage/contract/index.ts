// The one definition that every store implements and every caller decides by.
export * from './checks.ts';
export * from './decide.ts';
export * from './errors.ts';
export * from './store.ts';
export * from './types.ts';
export * from './writes.ts';
