// Every bound of the Postgres store, with its reason.

const KIB = 1024;

export const limits = {
  /** Operations in one call. Beyond 256 a batch only adds latency (PERFORMANCE.md 8). */
  batchOperationsMax: 256,
  /**
   * A batch is half of what waits, so that one is answered and the next arrives while the other half runs; taken whole, 64
   * in flight went around in one batch, and two cores stood still for half of the time (9,500 a second; so 10,600). But
   * not fewer than this: a claim costs Postgres 200 µs a call and 17 an operation, a settle 240 and 20, and a call 200
   * in Node. At 64 in flight 24 made batches of 21: 8 % fewer pairs a second, for a sixth more CPU each; 48 won nothing more.
   */
  batchOperationsMin: 32,
  /** A lane that is busy for so long, on a slow disk or a dead connection, holds up nobody: a further one opens. */
  laneBusyMsMax: 10,
  /** Payload bytes in one call: two results of the largest size; a single operation may be larger. */
  batchBytesMax: 2 * 1024 * KIB,
  /** Calls of one verb on their way at once: one is on the wire or in its fsync while the other is gathered or run. */
  lanesPerVerb: 2,
  /** Places in the queue that are looked at for one batch: keys that are asked for twice wait, and are passed over. */
  queueScanMax: 1_024,

  /** Connect, authenticate and check that it is a primary. */
  connectMs: 1_000,
  /** One call on the hot path, its commit included; afterwards its outcome is unknown. */
  hotCallMs: 3_000,
  /** One page of a listing, one count, one start-up check. */
  adminCallMs: 30_000,
  /** One slice of compaction. */
  compactionCallMs: 30_000,
  /** Migrations wait for those of another server that starts. */
  migrationCallMs: 120_000,

  /**
   * Changes are told at once, and then not for so long, so that the batches of a busy server share a call (at 5 ms a begin
   * and complete took 5 % more CPU). A waiter on another server must have its answer within 50 ms.
   */
  tellGapMs: 15,
  /** Changes that wait to be told to other servers; beyond it the oldest go untold, and who waits there looks by itself. */
  untoldChangesMax: 10_000,
  /** Postgres refuses a notification of 8000 bytes or more. */
  notificationBytesMax: 7_900,
  /** Notifications in one call. */
  notificationsPerCall: 32,
  /** A connection that listens is asked for a sign of life this often: what a firewall dropped shows in no other way. */
  listenerBeatMs: 20_000,
  listenerReconnectMsMax: 2_000,

  adminConnections: 4,
  /** A row that another transaction holds is asked for again this long. */
  busyMsMax: 2_000,
  busyDelayMsMin: 2,
  busyDelayMsMax: 100,
} as const;
