// One primary: how what is asked of it becomes as durable as the tier says.

import { createBatcher, type Batcher } from './batch.ts';
import { createLanes } from './lanes.ts';
import type { Link } from './link.ts';
import type { ScriptCall } from './scripts.ts';

export interface Primary extends Batcher {
  /** For commands that promise nothing. */
  readonly link: Link;
  /** Runs a script and answers once what it wrote is as durable as the tier says. */
  run(call: ScriptCall, asking: boolean): Promise<unknown>;
  close(): void;
}

export interface PrimaryOptions {
  readonly connect: () => Link;
  /** How many replicas must confirm a write; 0: none. */
  readonly replicas: number;
}

export function createPrimary({ connect, replicas }: PrimaryOptions): Primary {
  const link = connect();
  const lanes = replicas > 0 ? createLanes({ connect, replicas }) : undefined;
  const run = (call: ScriptCall, asking: boolean): Promise<unknown> => (lanes ?? link).run(call, asking);
  return {
    link,
    run,
    ...createBatcher({ run, touch: replicas > 0 }),
    close() {
      link.close();
      lanes?.close();
    },
  };
}
