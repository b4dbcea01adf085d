// What the process itself tells: CPU, memory, event-loop lag. Read at a scrape only. prom-client's own set is not used:
// it registers a dozen more series and a garbage-collection observer that stays behind.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

/** The timer that measures lag fires this often; it never keeps the process alive. */
const LAG_RESOLUTION_MS = 20;

/** Where several processes are scraped as one, each keeps series of its own. */
export type ProcessLabels = { readonly worker?: string };

/** Returns the way to stop. */
export function addProcessMetrics(registry: Registry, labels: ProcessLabels = {}): () => void {
  const registers = [registry];
  const labelNames = Object.keys(labels);
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({ name, help, labelNames, registers, collect: () => made.set(labels, read()) });
  };
  const startSeconds = Math.round(Date.now() / 1000 - process.uptime());
  gauge('process_start_time_seconds', 'When the process started, since the Unix epoch.', () => startSeconds);
  gauge('process_resident_memory_bytes', 'Memory that the process holds.', () => process.memoryUsage.rss());
  gauge('nodejs_heap_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
  addCpuCounter(registry, labels);
  return addEventLoopLag(registry, labels);
}

function addCpuCounter(registry: Registry, labels: ProcessLabels): void {
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time used, user and system.',
    labelNames: Object.keys(labels),
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc(labels, (user + system) / 1e6);
    },
  });
}

function addEventLoopLag(registry: Registry, labels: ProcessLabels): () => void {
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  // The monitor records the whole interval between two ticks, so the resolution itself is no lag.
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - LAG_RESOLUTION_MS / 1000);
  const lag = new Gauge({
    name: 'onced_event_loop_lag_seconds',
    help: 'How late the event loop ran since the scrape before, by quantile; 1 is the worst.',
    labelNames: ['quantile', ...Object.keys(labels)],
    registers: [registry],
    collect() {
      lag.set({ quantile: '0.5', ...labels }, seconds(delay.percentile(50)));
      lag.set({ quantile: '0.99', ...labels }, seconds(delay.percentile(99)));
      lag.set({ quantile: '1', ...labels }, seconds(delay.max));
      delay.reset();
    },
  });
  return () => void delay.disable();
}
