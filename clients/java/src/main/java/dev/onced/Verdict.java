package dev.onced;

/** What a response that an adapter sees means for its key. */
public enum Verdict {
  /** It is the outcome, replayed from now on. */
  STORE,
  /** Nothing was done, and the same key may be tried again. */
  RELEASE,
  /** Nobody knows whether something was done, so nobody may try again until somebody has looked. */
  HOLD
}
