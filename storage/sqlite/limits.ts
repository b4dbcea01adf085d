// Every bound of the SQLite store in one place: a number, a unit, a reason.

/** How long SQLite may sleep on a lock; it blocks the writer thread, and nobody but a backup should hold one. */
export const BUSY_MS_MAX = 250;

/** Operations that one transaction takes: past a few hundred the share of the fsync is nothing, and latency grows. */
export const BATCH_OPERATIONS_MAX = 512;

/**
 * Operations that are sent to the writer at once instead of at the end of the turn, so that it begins while a large pack
 * is still being read. With 64 in flight 1.3 times the rate of one batch a turn; with 16 no more, and dearer.
 */
export const CHUNK_OPERATIONS = 32;

/** Operations that may wait for their answer. Above it the store says so instead of eating memory. */
export const QUEUE_OPERATIONS_MAX = 100_000;

/** How long one step of a listing may look for what matches: for so long whoever comes meanwhile waits behind it. */
export const LIST_STEP_MS = 1;

/** Candidates that it looks at before it looks at the time. */
export const LIST_CHUNK_ROWS = 250;

/** Due records that a compaction reads at a time: a quarter of a millisecond. */
export const COMPACT_CHUNK_ROWS = 25;

/** Share of all records up to which a namespace is listed from the index instead of by a pass over all rows. */
export const LIST_NAMESPACE_SHARE_MAX = 0.125;

/**
 * Records, new or gone, whose places are gathered before these are written or deleted in bulk, and at most twice as many in
 * memory: 16 MiB, 32 where very many go. With a million records a page then takes some twenty of them, with ten million two.
 * A start reads as many.
 */
export const RECENT_RECORDS_MAX = 131_072;

/** Batches of removed records that are forgotten at a time once their places have left: at most one comes meanwhile. */
export const GONE_BATCHES_FORGOTTEN = 32;

/**
 * Bits of the filter of places for each record there may be before it is made anew, larger: with two bits set for each it
 * then sends one claim in twenty to the table for nothing, and half as full one in seventy.
 */
export const FILTER_BITS_PER_RECORD = 8;

/** 1 MiB, for a million records. */
export const FILTER_BITS_MIN = 2 ** 23;

/** 128 MiB, for 134 million. */
export const FILTER_BITS_MAX = 2 ** 30;

/** Places that it reads from the table with each batch (some ten microseconds), and at a time while nobody waits. */
export const FILTER_STEP_BUSY = 64;
export const FILTER_STEP_IDLE = 5_000;

/** Records in progress that are kept at hand for their holders, at either end: about 1 KB each. */
export const HELD_RECORDS = 8_192;

/** Namespaces whose place in the index is remembered: 8 MiB at most. */
export const NAMESPACE_HASHES_MAX = 32_768;

/** Log size (in pages of 4 KiB) from which an idle writer moves the log into the database. */
export const CHECKPOINT_IDLE_PAGES = 1_000;

/** Log size (in pages) at which it is moved beside a busy writer: 64 MiB, for the next start. */
export const CHECKPOINT_BUSY_PAGES = 16_384;

/**
 * What the writer may then have to move itself, so that the log begins anew: a millisecond. And a share of all that is in the
 * log beyond its size, so that it begins anew under whatever load.
 */
export const CHECKPOINT_END_PAGES = 64;
export const CHECKPOINT_END_SHARE = 1 / 16;

/**
 * Log size (in pages) at which the writer waits until it is moved, and begins it anew: 256 MiB bound it on a disk that cannot
 * take what comes.
 */
export const CHECKPOINT_LOG_PAGES_MAX = 65_536;

/** How long it waits. */
export const MOVE_MS_MAX = 10_000;

/** Free pages (10 MiB), and their share of the file, from which an idle writer makes the file smaller. */
export const SHRINK_FREE_PAGES_MIN = 2_560;
export const SHRINK_FREE_SHARE_MIN = 0.25;

/** Pages given back in one step: a few milliseconds for whoever comes meanwhile. */
export const SHRINK_STEP_PAGES = 500;

/** How long nothing may have been asked before the writer counts as idle. */
export const IDLE_MS = 20;

/** What the log file may keep of its size after it was emptied. */
export const LOG_BYTES_KEPT = 96 * 1024 * 1024;

/**
 * Pages kept in memory, in KiB; the operating system keeps the rest. Not more while the file is under 1 GiB: SQLite then
 * scans its whole page table at nearly every commit (a B-tree that is balanced borrows the number of the lock page, which
 * lies there), and 64 MiB took twice the CPU an operation of 4 MiB (29 and 14 us) with 150,000 records.
 */
export const CACHE_KIB = 8 * 1024;

/** Beyond it: the inner pages of the tables of ten million records, which each look goes through, take some 30 MiB. */
export const CACHE_KIB_LARGE = 64 * 1024;
export const LARGE_FILE_BYTES = 2 ** 30;

/** Space held back in a file of its own, so that settling and compaction still work on a full disk. */
export const BALLAST_BYTES = 16 * 1024 * 1024;

/** How often a full store looks whether space came back. */
export const RECOVER_CHECK_MS = 500;

/** Free space without which a new store is not begun. */
export const START_BYTES_FREE = 512 * 1024 * 1024;

/** Size up to which the file is checked page by page after an unclean stop; beyond it a start would take too long. */
export const INTEGRITY_CHECK_BYTES_MAX = 256 * 1024 * 1024;
