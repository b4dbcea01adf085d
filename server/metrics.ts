// The figures that Onced exports (DESIGN.md 9), as methods that the engine calls. Label children are resolved once and
// kept, so that a call costs two map look-ups and an addition. Never a key in a label.

import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import { addAdmissionFigures, type AdmissionFigures } from './admission/figures.ts';
import type { Settlement, StoreErrorKind } from '../storage/contract/index.ts';
import { readFigures, type Figures } from './figures.ts';
import { createNamespaceLabels } from './namespace-labels.ts';
import { addProcessMetrics } from './process-metrics.ts';
import { addStoreFigures, type StoreFigures } from './store-figures.ts';
import { tallyCounts, tallyObservations, type TalliedCounter, type TalliedHistogram } from './tallied.ts';
import type { FigureList } from './workers/messages.ts';

export interface Metrics extends AdmissionFigures, StoreFigures {
  /** One call or Session operation, answered. The share of duplicates is that of BeginIntent outcomes other than `acquired`. */
  request(rpc: string, namespace: string, outcome: string, durationMs: number): void;
  storeVerb(verb: string, outcome: 'ok' | StoreErrorKind, durationMs: number): void;
  intentToOutcome(namespace: string, durationMs: number): void;
  suspectedDuplicate(namespace: string, cause: 'late_complete' | 'degraded_conflict'): void;
  lateRetry(namespace: string): void;
  /** An orphan was settled by an operator (ResolveIntent) or by whoever claimed it (ClaimOrphans). */
  reconciled(namespace: string, by: 'operator' | 'reconciler', outcome: Settlement['kind']): void;
  /** A begin whose caller said that its message was delivered again. */
  redelivery(namespace: string, outcome: string): void;
  waiters(change: 1 | -1): void;
  session(change: 1 | -1): void;
  inFlight(change: number): void;
  /** All of it as plain values, for GetStats. */
  figures(): Promise<Figures>;
}

export interface MetricsOwner extends Metrics {
  /** Others add their own figures here, such as counts that are read from the store at a scrape. */
  readonly registry: Registry;
  /** Replaces how a namespace becomes a label: the registered ones as themselves, the rest as `other`. */
  setNamespaceLabel(rule: (namespace: string) => string): void;
  /** The scrape answer. At most SCRAPE_CACHE_MS old: rendering blocks the event loop, and scrapers may be many. */
  render(): Promise<string>;
  /** Stops what measures in the background. */
  close(): void;
}

/** Node has rendered megabytes of series for a second per scrape (prom-client #543); one render a second bounds it. */
const SCRAPE_CACHE_MS = 1000;

/** Calls: an fsync takes 0.1 to 10 ms, a waiting begin up to 60 s. */
const CALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Work that callers do between begin and outcome: from a query to hours of a job. */
const INTENT_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200];

/** Of one of several processes that are scraped as one. */
export interface PartMetrics {
  readonly worker: number;
  /** The figures of all, its own among them. */
  readonly gather: () => Promise<readonly FigureList[]>;
}

export function createMetrics(part?: PartMetrics): MetricsOwner {
  const registry = new Registry();
  const stopProcessMetrics = addProcessMetrics(registry, part && { worker: String(part.worker) });
  const shown = async (): Promise<Registry> =>
    part === undefined ? registry : AggregatorRegistry.aggregate([...(await part.gather())]);
  const ownRequests = part && addOwnRequests(registry, part);
  const labels = createNamespaceLabels();
  const now = { waiters: 0, sessions: 0, inFlight: 0 };
  addGauges(registry, now);
  const admissionFigures = addAdmissionFigures(registry);
  const storeFigures = addStoreFigures(registry, (namespace) => labels.of(namespace));

  const requests = counters(registry, 'onced_requests_total', {
    help: 'Calls and Session operations answered, by RPC, namespace and outcome (or error reason).',
    labelNames: ['rpc', 'outcome', 'namespace'],
    named: asInProto,
  });
  const requestSeconds = histograms(registry, 'onced_request_duration_seconds', {
    help: 'Time from receiving a call or Session operation to answering it, waits included.',
    labelNames: ['rpc'],
    named: asInProto,
    buckets: CALL_SECONDS,
  });
  const storeVerbs = counters(registry, 'onced_store_verbs_total', {
    help: 'Store verbs run, by verb and outcome: ok, unavailable, unknown, full or cancelled.',
    labelNames: ['verb', 'outcome'],
  });
  const storeVerbSeconds = histograms(registry, 'onced_store_verb_duration_seconds', {
    help: 'Time that a store verb took, failed ones included.',
    labelNames: ['verb'],
    buckets: CALL_SECONDS,
  });
  const intentSeconds = histograms(registry, 'onced_intent_to_outcome_seconds', {
    help: 'Time from the first begin of a key to its outcome, on the clock of the store.',
    labelNames: ['namespace'],
    buckets: INTENT_SECONDS,
  });
  const suspected = counters(registry, 'onced_suspected_duplicates_total', {
    help: 'Side effects that may have happened twice, by how it showed.',
    labelNames: ['cause', 'namespace'],
  });
  const lateRetries = counters(registry, 'onced_late_retries_total', {
    help: 'Begins of a key whose record had expired: the retention is too short for these callers.',
    labelNames: ['namespace'],
  });
  const reconciliations = counters(registry, 'onced_reconciliations_total', {
    help: 'Orphans settled, by who did (operator or reconciler) and as what.',
    labelNames: ['by', 'outcome', 'namespace'],
  });
  const redeliveries = counters(registry, 'onced_redeliveries_total', {
    help: 'Begins of messages that were delivered again (label redelivered=true), by outcome.',
    labelNames: ['outcome', 'namespace'],
    named: ([outcome = '', namespace = '']) => [snakeCase(outcome), namespace],
  });

  return {
    ...admissionFigures,
    ...storeFigures,
    registry,
    request(rpc, namespace, outcome, durationMs) {
      ownRequests?.inc();
      requests(rpc, outcome, labels.of(namespace)).inc();
      requestSeconds(rpc).observe(durationMs / 1000);
    },
    storeVerb(verb, outcome, durationMs) {
      storeVerbs(verb, outcome).inc();
      storeVerbSeconds(verb).observe(durationMs / 1000);
    },
    intentToOutcome: (namespace, durationMs) => intentSeconds(labels.of(namespace)).observe(durationMs / 1000),
    suspectedDuplicate: (namespace, cause) => suspected(cause, labels.of(namespace)).inc(),
    lateRetry: (namespace) => lateRetries(labels.of(namespace)).inc(),
    reconciled: (namespace, by, outcome) => reconciliations(by, outcome, labels.of(namespace)).inc(),
    redelivery: (namespace, outcome) => redeliveries(outcome, labels.of(namespace)).inc(),
    waiters: (change) => void (now.waiters += change),
    session: (change) => void (now.sessions += change),
    inFlight: (change) => void (now.inFlight += change),
    figures: async () => readFigures(await shown()),
    setNamespaceLabel: (rule) => labels.setRule(rule),
    render: renderedOncePer(SCRAPE_CACHE_MS, async () => (await shown()).metrics()),
    close: stopProcessMetrics,
  };
}

function addGauges(registry: Registry, now: { waiters: number; sessions: number; inFlight: number }): void {
  const gauge = (name: string, help: string, read: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers: [registry], collect: () => made.set(read()) });
  };
  gauge('onced_waiters', 'Begins that wait for a key to settle.', () => now.waiters);
  gauge('onced_sessions', 'Open Session streams.', () => now.sessions);
  gauge('onced_session_operations_in_flight', 'Session operations received and not yet answered.', () => now.inFlight);
}

/** Connections are handed to processes in turn, and stay: a caller with one connection keeps one process busy. */
function addOwnRequests(registry: Registry, { worker }: PartMetrics): Counter.Internal {
  return new Counter({
    name: 'onced_worker_requests_total',
    help: 'Calls and Session operations answered, by the worker process that did.',
    labelNames: ['worker'],
    registers: [registry],
  }).labels(String(worker));
}

interface Shape {
  readonly help: string;
  readonly labelNames: string[];
  readonly named?: Named;
}

type Child<Made> = (...values: string[]) => Made;

/** Label values as they are shown, from what the engine calls them. */
type Named = (values: string[]) => string[];

/** One call as figures name it. */
export function namedAsInProto(rpc: string, outcome: string): { rpc: string; outcome: string } {
  const [shownRpc = '', shownOutcome = ''] = asInProto([rpc, outcome]);
  return { rpc: shownRpc, outcome: shownOutcome };
}

const snakeCase = (name: string): string => name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** RPC and outcome as the proto spells them (`BeginIntent`, `in_progress`), not the generated code. Reasons stay. */
const asInProto: Named = ([rpc = '', outcome, ...rest]) => {
  const method = rpc.charAt(0).toUpperCase() + rpc.slice(1);
  if (outcome === undefined) return [method];
  return [method, snakeCase(outcome), ...rest];
};

function counters(
  registry: Registry,
  name: string,
  { named = (values) => values, ...shape }: Shape,
): Child<TalliedCounter> {
  const labelled = tallyCounts(registry, { name, ...shape });
  return remembered((values) => labelled(named(values)));
}

function histograms(
  registry: Registry,
  name: string,
  { named = (values) => values, ...shape }: Shape & { readonly buckets: readonly number[] },
): Child<TalliedHistogram> {
  const labelled = tallyObservations(registry, { name, ...shape });
  return remembered((values) => labelled(named(values)));
}

/** Nested maps rather than one joined name: a look-up then builds no string. */
function remembered<Made>(make: (values: string[]) => Made): Child<Made> {
  interface Node {
    made: Made | undefined;
    readonly next: Map<string, Node>;
  }
  const root: Node = { made: undefined, next: new Map() };
  return (...values) => {
    let node = root;
    for (const value of values) {
      let next = node.next.get(value);
      if (next === undefined) node.next.set(value, (next = { made: undefined, next: new Map() }));
      node = next;
    }
    return (node.made ??= make(values));
  };
}

/** Scrapes that come while one is rendered share it. */
function renderedOncePer(cacheMs: number, render: () => Promise<string>): () => Promise<string> {
  let rendered: Promise<string> | undefined;
  let renderedMs = 0;
  return () => {
    if (rendered === undefined || performance.now() - renderedMs >= cacheMs) {
      renderedMs = performance.now();
      rendered = render();
    }
    return rendered;
  };
}
