// Reads of one thing that overlap, of which an earlier one may end later, without what was written meanwhile.

/** Call it when a read begins, and what it returns when the read has ended: true where one that began later has ended already. */
export function overtakenReads(): () => () => boolean {
  let begun = 0;
  let latest = 0;
  return () => {
    const own = (begun += 1);
    return () => {
      if (own < latest) return true;
      latest = own;
      return false;
    };
  };
}
