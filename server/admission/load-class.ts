// What an operation is worth when there is too much to do: work that relieves the server goes before work that adds to it.

/**
 * From the first to be served to the first to be shed. `settle`: Complete, Fail, Renew, Checkpoint: refusing one may cost a
 * duplicate side effect, and doing it ends work. `begin` adds work. `look` reads one key. `admin` scans and sets.
 */
export const LOAD_CLASSES = ['settle', 'begin', 'look', 'admin'] as const;

export type LoadClass = (typeof LOAD_CLASSES)[number];

/** Why an operation was not admitted. */
export const REFUSAL_CAUSES = ['queue_full', 'waited_too_long', 'event_loop', 'heap', 'streams'] as const;

export type RefusalCause = (typeof REFUSAL_CAUSES)[number];
