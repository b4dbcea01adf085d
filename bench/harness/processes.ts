// What the operating system says of a process and all that it started: CPU, memory. Linux only (/proc).

import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc/PID/stat: 10 ms each on every Linux that Node runs on. */
const TICK_US = 10_000;

interface Stat {
  readonly parent: number;
  /** User and system time of the process and of its ended, waited-for children, in ticks. */
  readonly ticks: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold blanks; the fields behind it are fixed: state, parent, ... utime is the 14th.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return undefined;
  }
}

/** The processes and their descendants that run now. */
export function treeOf(pids: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? statOf(pid) : undefined;
    if (stat === undefined) continue;
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), pid]);
  }
  const tree: number[] = [];
  const queue = [...pids];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    tree.push(pid);
    queue.push(...(children.get(pid) ?? []));
  }
  return tree;
}

/** CPU time spent so far by the processes and their descendants, threads and ended children included. */
export function cpuUsOf(pids: readonly number[]): number {
  return treeOf(pids).reduce((sum, pid) => sum + (statOf(pid)?.ticks ?? 0), 0) * TICK_US;
}

/** CPU time that the whole machine has spent so far, idle and waiting for disks not counted. */
export function machineCpuUs(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]?.split(/\s+/).slice(1).map(Number) ?? [];
  const [user = 0, nice = 0, system = 0, , , interrupt = 0, softInterrupt = 0] = fields;
  return (user + nice + system + interrupt + softInterrupt) * TICK_US;
}

/** Memory of the processes and their descendants; pages that several share are counted once (Pss). */
export function memoryBytesOf(pids: readonly number[]): number {
  return treeOf(pids).reduce((sum, pid) => sum + proportionalBytes(pid), 0);
}

function proportionalBytes(pid: number): number {
  try {
    const line = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
    return Number(line?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
