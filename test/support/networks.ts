// Two networks of the test's own, joined by a cable that can be pulled: network namespaces and a veth pair. Whatever runs in
// them reaches the other one by that cable alone, and nothing else.

import { spawnSync } from 'node:child_process';

export interface Network {
  readonly name: string;
  readonly host: string;
  /** The words before a command that make it run in this network. */
  readonly under: readonly string[];
}

export interface Networks {
  readonly small: Network;
  readonly large: Network;
  cut(): void;
  heal(): void;
  dispose(): void;
}

/** Why no networks can be made here; undefined when they can. */
export function missingNetworks(): string | undefined {
  const name = `onced-${process.pid}`;
  const made = ip('netns', 'add', name);
  if (made === undefined) {
    ip('netns', 'del', name);
    return undefined;
  }
  if (process.env['CI'] === 'true') throw new Error(`network namespaces are missing: ${made}`);
  return `network namespaces cannot be made (root and iproute2 can): ${made}`;
}

export function makeNetworks(): Networks {
  const small = networkOf(`onced-small-${process.pid}`, '10.77.0.1');
  const large = networkOf(`onced-large-${process.pid}`, '10.77.0.2');
  for (const { name } of [small, large]) must('netns', 'add', name);
  must('link', 'add', 'cable', 'netns', small.name, 'type', 'veth', 'peer', 'name', 'cable', 'netns', large.name);
  for (const { name, host } of [small, large]) {
    must('-n', name, 'addr', 'add', `${host}/24`, 'dev', 'cable');
    must('-n', name, 'link', 'set', 'lo', 'up');
    must('-n', name, 'link', 'set', 'cable', 'up');
  }
  return {
    small,
    large,
    cut: () => must('-n', small.name, 'link', 'set', 'cable', 'down'),
    heal: () => must('-n', small.name, 'link', 'set', 'cable', 'up'),
    dispose() {
      for (const { name } of [small, large]) ip('netns', 'del', name);
    },
  };
}

const networkOf = (name: string, host: string): Network => ({ name, host, under: ['ip', 'netns', 'exec', name] });

/** What went wrong, or undefined. */
function ip(...args: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8', timeout: 5_000 });
  return status === 0 ? undefined : `ip ${args.join(' ')}: ${error?.message ?? stderr}`;
}

function must(...args: readonly string[]): void {
  const trouble = ip(...args);
  if (trouble !== undefined) throw new Error(trouble);
}
