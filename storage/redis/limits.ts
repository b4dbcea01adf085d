// Every bound of the Redis store in one place: a number, a unit, a reason.

/**
 * Shards of a new store, each in one slot. On a cluster enough for an even load on 32 primaries, few enough to ask each one. One
 * Redis has one, so that all operations of a call write their entries and counts together.
 */
export const SHARDS_OF_CLUSTER = 256;
export const SHARDS_OF_SINGLE = 1;

/** How long a call may go without an answer. Then its connection is given up, since all behind it waits as well. */
export const CALL_MS_MAX = 2_000;

/** How long a call waits for a connection that is being made, and for a slot that is on its way to another node. */
export const READY_MS_MAX = 1_000;

/** Time to connect, for one attempt. */
export const CONNECT_MS_MAX = 1_000;

/** First and last pause between attempts to connect again. */
export const RECONNECT_MS_MIN = 20;
export const RECONNECT_MS_MAX = 1_000;

/** A peer that vanished without a word is noticed by the kernel, where no call notices it first. */
export const KEEP_ALIVE_MS = 10_000;

/** How often open connections are looked at for calls past their time. */
export const SWEEP_MS = 100;

/** Times that one call follows the cluster to another node. A slot moves once; more means that the nodes disagree. */
export const REDIRECTIONS_MAX = 8;

/** Pause before a slot on its way is asked again. */
export const TRY_AGAIN_MS = 25;

/** How often the map of slots is read again although nothing went wrong, and how soon when something did. */
export const SLOTS_REFRESH_MS = 5_000;
export const SLOTS_REFRESH_MS_MIN = 100;

/** Connections of a primary whose writes wait for replicas: WAIT blocks its connection, the others go on meanwhile. */
export const LANES = 4;

/** Calls that share one WAIT. More only lengthen the queue before the reply. */
export const LANE_BATCH_MAX = 16;

/** Calls that may wait for a lane of one primary. Above it the store says so instead of eating memory. */
export const LANE_QUEUE_MAX = 10_000;

/** How long replicas may take to confirm; shorter than CALL_MS_MAX, so that the count is known and not only missing. */
export const WAIT_MS_MAX = 1_000;

/** Operations on records that share a call: more gain nothing, and would hold up Redis for half a millisecond. */
export const OPERATIONS_MAX = 32;

/** Records that one script reads or compacts, so that it stays below a millisecond. */
export const SCRIPT_RECORDS_MAX = 64;

/** Entries that one page looks at before it ends short, so that a filter that wants few does not run for minutes. */
export const LIST_ENTRIES_MAX = 500_000;

/** Entries of a shard that one script looks at: some 150 microseconds. */
export const LIST_STEP_MAX = 500;

/** Entries of one shard that a step looks at while it finds none wanted. */
export const SCAN_ENTRIES_MAX = 10_000;

/** Records read at once for a filter that must see them to judge. */
export const LIST_READ_MIN = 200;

/** Shards that one step of a page asks at once, when those before had little. */
export const LIST_SHARDS_MAX = 64;

/** Orphans that are counted one by one, those leaving out that have expired; above it all that are held are counted. */
export const ORPHANS_COUNTED_MAX = 10_000;

/** Due entries that compaction fetches of a shard at once: of one all up to the next, of many so many that one look is mostly enough. */
export const dueEntries = (limit: number, shards: number): number =>
  Math.min(limit + 1, Math.max(8, Math.ceil((limit * 4) / shards)));

/** Orphans that one script gives their timers, so that it stays near a millisecond. */
export const TIMERS_STEP_MAX = 500;

/** How often the checks of the start are made again. */
export const CHECK_MS = 30_000;

/** Clocks of two primaries apart: told of, and refused (a failover would then move deadlines by as much). */
export const SKEW_MS_WARNED = 100;
export const SKEW_MS_MAX = 1_000;

/** Share of maxmemory from which an operator is told. */
export const MEMORY_SHARE_WARNED = 0.8;

/** The same, once all those before were of namespaces that compaction leaves alone. */
export const DUE_ENTRIES_SKIPPED = 1_000;

/** How often the node that pushes changes is asked whether it is there, and the pause before another one is tried. */
export const BEAT_MS = 5_000;
export const RESUBSCRIBE_MS = 500;

/**
 * How long a server that nobody else heard tells nothing. Who comes is heard at once; this is for one of a version that does
 * not say so. Ten messages a second cost nothing.
 */
export const ALONE_MS = 100;
