// Runs blocks: servers and load processes are started when first needed and live to the end, windows are taken in turn.

import { startLoad, takeWindow, type LoadProcess } from './harness/load-process.ts';
import type { WindowResult } from './harness/window.ts';
import type { Block, Cell } from './plan.ts';
import type { Progress } from './report/progress.ts';
import { MissingPart, type Server } from './servers/server.ts';
import { startServer, type Subject } from './subjects.ts';

export interface CellResult {
  readonly scenario: string;
  readonly cell: Cell;
  readonly rounds: readonly WindowResult[];
}

export interface Missing {
  readonly subject: string;
  readonly reason: string;
}

export interface Bench {
  readonly servers: ReadonlyMap<string, Server>;
  readonly missing: readonly Missing[];
  run(block: Block): Promise<CellResult[]>;
  stop(): Promise<void>;
}

/** One operation that cannot be prepared is left out; the run goes on. */
async function prepared(load: LoadProcess, { subject, work }: Cell, progress: Progress): Promise<boolean> {
  try {
    return await load.prepare(work);
  } catch (error) {
    progress.note(`${subject.title}, ${work.name}: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
}

/** Until what was just started has been compiled: it is half as fast before. */
const COLD_MS = 4000;

export function createBench({ records, progress }: { records: number; progress: Progress }): Bench {
  const servers = new Map<string, Server>();
  const loads = new Map<string, LoadProcess>();
  const missing = new Map<string, string>();
  const warmed = new Set<string>();

  const loadOf = async (subject: Subject): Promise<LoadProcess | undefined> => {
    if (missing.has(subject.name)) return undefined;
    try {
      const server = servers.get(subject.server) ?? (await started(subject));
      const load = loads.get(subject.name) ?? (await startLoad(subject.driver, server.target));
      loads.set(subject.name, load);
      return load;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      missing.set(
        subject.name,
        error instanceof MissingPart ? reason : `could not be started: ${reason.slice(0, 500)}`,
      );
      progress.note(`${subject.title} is missing: ${reason}`);
      return undefined;
    }
  };
  const started = async (subject: Subject): Promise<Server> => {
    progress.step(`starting ${subject.server}`);
    const server = await startServer(subject.server, records);
    servers.set(subject.server, server);
    return server;
  };
  const window = async (block: Block, cell: Cell): Promise<WindowResult> => {
    const load = loads.get(cell.subject.name);
    const serverPids = servers.get(cell.subject.server)?.pids;
    if (load === undefined || serverPids === undefined) throw new Error(`${cell.subject.name} was not started`);
    const { warmUpMs, windowMs } = block;
    return takeWindow(load, cell.work, { load: cell.load, warmUpMs, windowMs, serverPids });
  };

  return {
    servers,
    get missing() {
      return [...missing].map(([subject, reason]) => ({ subject, reason }));
    },
    async run(block) {
      const cells: Cell[] = [];
      for (const cell of block.cells) {
        progress.step(`${block.scenario}: preparing ${cell.subject.title}`);
        const load = await loadOf(cell.subject);
        if (load === undefined || !(await prepared(load, cell, progress))) continue;
        cells.push(cell);
        if (warmed.has(cell.subject.name)) continue;
        warmed.add(cell.subject.name);
        await window({ ...block, warmUpMs: COLD_MS }, cell);
      }
      const results = cells.map((cell) => ({ scenario: block.scenario, cell, rounds: [] as WindowResult[] }));
      for (let round = 1; round <= block.rounds; round += 1) {
        // To and fro: whoever comes after the client of the same server finds it warm, after a database's peers cold.
        for (const { cell, rounds } of round % 2 === 1 ? results : results.toReversed()) {
          const result = await window(block, cell);
          rounds.push(result);
          progress.window({ block, round, cell, result });
        }
      }
      return results;
    },
    async stop() {
      for (const load of loads.values()) await load.stop();
      for (const server of servers.values()) await server.stop();
    },
  };
}
