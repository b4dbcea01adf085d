// What must hold whatever the servers met, judged from their answers alone.

export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** One time that somebody was told to go ahead. */
export interface Grant {
  readonly attemptId: string;
  readonly server: string;
  readonly isDegraded: boolean;
  leaseEndMs: number;
  /** What its holder was acknowledged. A release says that nothing was done. */
  end: 'open' | 'released' | 'unknown' | 'outcome';
}

export interface KeyStory {
  readonly key: string;
  readonly asked: Set<string>;
  readonly grants: Grant[];
  /** Outcomes acknowledged, as text. */
  readonly outcomes: Set<string>;
  /** By server and outage: the outcome that it has acknowledged by its journal. */
  readonly journaled: Map<string, string>;
  /** Another request was let in under the key. */
  isReused: boolean;
  /** What the store has shown to be the outcome. */
  shown: string | undefined;
  /** Somebody did the work in vain, and was told so. */
  wasToldLost: boolean;
  /** Grants beside others that TAKE_OVER does not explain. */
  readonly unexplained: (readonly [Grant, Grant])[];
}

export const newStory = (key: string): KeyStory => ({
  key,
  asked: new Set(),
  grants: [],
  outcomes: new Set(),
  journaled: new Map(),
  isReused: false,
  shown: undefined,
  wasToldLost: false,
  unexplained: [],
});

export interface Granted {
  readonly attemptId: string;
  readonly server: string;
  readonly isDegraded: boolean;
  readonly leaseEndMs: number;
  readonly nowMs: number;
  readonly isTakeOverAllowed: boolean;
}

export function granted(story: KeyStory, found: Granted): Grant {
  const { nowMs, isTakeOverAllowed, ...named } = found;
  const grant: Grant = { ...named, end: 'open' };
  for (const other of story.grants) {
    if (other.attemptId === grant.attemptId || other.end === 'released') continue;
    const isLapsed = isTakeOverAllowed && other.end === 'open' && nowMs >= other.leaseEndMs;
    if (!isLapsed) story.unexplained.push([other, grant]);
  }
  story.grants.push(grant);
  return grant;
}

/** The store's own word: nobody overwrites it. */
export function shown(story: KeyStory, outcome: string): void {
  if (story.shown !== undefined && story.shown !== outcome) broken(story, `${outcome} shown after ${story.shown}`);
  story.shown = outcome;
}

export function broken({ key }: KeyStory, what: string): never {
  throw new BrokenPromise(`${key}: ${what}`);
}

/** Once all is written: what the store says of the key, and what was listed of it. */
export function judgeEnd(story: KeyStory, outcome: string | undefined, conflicts: readonly string[]): void {
  const isListed = conflicts.length > 0;
  if (outcome !== undefined) shown(story, outcome);
  if (isListed && story.asked.size < 2) broken(story, `only one attempt, but listed: ${conflicts.join()}`);
  const duplicate = story.unexplained.find((pair) => pair.every(({ end }) => end !== 'released'));
  if (duplicate !== undefined && !isListed && !story.wasToldLost) {
    const [one, other] = duplicate.map(({ attemptId, server }) => `${attemptId} at ${server}`);
    broken(story, `a duplicate that nobody hears of: ${one} and ${other}`);
  }
  if (isListed) return;
  if (story.outcomes.size > 1) broken(story, `two outcomes: ${[...story.outcomes].join()}`);
  for (const acknowledged of story.outcomes) {
    if (acknowledged !== outcome) broken(story, `${acknowledged} was acknowledged, ${outcome ?? 'nothing'} is there`);
  }
}
