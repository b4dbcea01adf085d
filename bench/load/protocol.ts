// What the benchmark and its load processes say to each other over the IPC channel of a forked process.

import type { Work } from '../drivers/driver.ts';
import type { WindowRequest, WindowResult } from '../harness/window.ts';

export type ToLoad =
  | { readonly kind: 'connect'; readonly driver: string; readonly target: string }
  | { readonly kind: 'prepare'; readonly work: Work }
  | { readonly kind: 'window'; readonly work: Work; readonly request: WindowRequest };

export type FromLoad =
  | { readonly kind: 'done' }
  | { readonly kind: 'unsupported' }
  | { readonly kind: 'result'; readonly result: WindowResult }
  | { readonly kind: 'failed'; readonly message: string };
