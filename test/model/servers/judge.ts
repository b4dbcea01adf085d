// What must hold whatever the servers met, judged from their answers alone.

export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** One time that somebody was told to go ahead. */
export interface Grant {
  readonly attemptId: string;
  readonly server: string;
  readonly isDegraded: boolean;
  readonly fencingToken: bigint;
  leaseEndMs: number;
  /** Its lease is the only one that it was ever given. */
  isSure: boolean;
  /** What its holder was acknowledged. A release says that nothing was done. */
  end: 'open' | 'handed on' | 'released' | 'unknown' | 'outcome';
  /** Its holder has begun to say how it ended. */
  isEnding: boolean;
  /** The step from which an operator's resolution stands in its place. */
  overruledStep: number;
}

/** Of a call that changed the record: the steps at which it was sent and answered. */
export interface Write {
  readonly sentStep: number;
  readonly heardStep: number;
}

export interface KeyStory {
  readonly key: string;
  readonly asked: Set<string>;
  readonly grants: Grant[];
  /** Outcomes acknowledged, as text. */
  readonly outcomes: Set<string>;
  /** Outcomes of which each answer has said that nothing was written, and whose callers have gone. */
  readonly unwritten: Set<string>;
  readonly writes: Write[];
  /** An operator has asked to overrule whoever holds it. */
  isForced: boolean;
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
  unwritten: new Set(),
  writes: [],
  isForced: false,
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
  readonly fencingToken: bigint;
  readonly leaseEndMs: number;
  readonly nowMs: number;
  readonly isTakeOverAllowed: boolean;
  /** It was told that the one before has vanished. */
  readonly isTakenOver: boolean;
}

export const newGrant = (
  named: Pick<Grant, 'attemptId' | 'server' | 'isDegraded' | 'fencingToken' | 'leaseEndMs'>,
): Grant => ({
  ...named,
  end: 'open',
  isSure: true,
  isEnding: false,
  overruledStep: Infinity,
});

export function granted(story: KeyStory, found: Granted): Grant {
  const { nowMs, isTakeOverAllowed, isTakenOver, ...named } = found;
  const grant = newGrant(named);
  for (const other of story.grants) {
    if (other.attemptId === grant.attemptId || other.end === 'released') continue;
    // Its answer took so long that the other one, which came after it, was heard of before.
    if (!other.isDegraded && !grant.isDegraded && grant.fencingToken < other.fencingToken) continue;
    const isVanished = (other.end === 'open' || other.end === 'handed on') && nowMs >= other.leaseEndMs;
    const isLapsed = isTakeOverAllowed && isVanished;
    // From here on it is the other's to find out what became of it.
    if (isTakenOver && isVanished) other.end = 'handed on';
    if (!isLapsed) story.unexplained.push([other, grant]);
  }
  story.grants.push(grant);
  return grant;
}

/** The store's own word: nobody overwrites it. */
export function shown(story: KeyStory, outcome: string): void {
  if (story.shown !== undefined && story.shown !== outcome) broken(story, `${outcome} shown after ${story.shown}`);
  if (story.unwritten.has(outcome)) broken(story, `${outcome} shown, which was told not to be written`);
  story.shown = outcome;
}

/** A holder was told that its call is done. */
export function done(story: KeyStory, grant: Grant, write: Write, how: { readonly journaled: boolean }): void {
  if (grant.isDegraded || how.journaled) return;
  if (write.sentStep > grant.overruledStep) broken(story, `${grant.attemptId} goes on where an operator has decided`);
  story.writes.push(write);
}

/** Somebody has asked the provider, or decides for those who have. */
export function nothingHappened({ grants }: KeyStory): void {
  for (const grant of grants) if (grant.end !== 'outcome') grant.end = 'released';
}

export function broken({ key }: KeyStory, what: string): never {
  throw new BrokenPromise(`${key}: ${what}`);
}

/** Once all is written: what the store says of the key, and what was listed of it. */
export function judgeEnd(story: KeyStory, outcome: string | undefined, conflicts: readonly string[]): void {
  const isListed = conflicts.length > 0;
  if (outcome !== undefined) shown(story, outcome);
  if (isListed && story.asked.size < 2) broken(story, `only one attempt, but listed: ${conflicts.join()}`);
  const duplicate = story.unexplained.find((pair) =>
    pair.every(({ end }) => end !== 'released' && end !== 'handed on'),
  );
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
