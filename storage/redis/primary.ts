// One primary: how a script on it becomes as durable as the tier says.

import { createLanes, type Lanes } from './lanes.ts';
import type { Link } from './link.ts';
import type { ScriptCall } from './scripts.ts';

export interface Primary {
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
  const lanes: Lanes | undefined = replicas > 0 ? createLanes({ connect, replicas }) : undefined;
  return {
    link,
    run: (call, asking) => (lanes ?? link).run(call, asking),
    close() {
      link.close();
      lanes?.close();
    },
  };
}
