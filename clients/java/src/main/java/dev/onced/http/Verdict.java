package dev.onced.http;

import java.util.Set;

/** What a response means for its key. */
public enum Verdict {
  /** It is the outcome, replayed from now on. */
  STORE,
  /** Nothing was done, and the same key may be tried again. */
  RELEASE,
  /** Nobody knows whether something was done, so nobody may try again until somebody has looked. */
  HOLD;

  /** 401, 403, 407 to 409, 423, 425, 429, 501, 503: they depend on the moment. */
  private static final Set<Integer> RELEASED = Set.of(401, 403, 407, 408, 409, 423, 425, 429, 501, 503);

  private static final int SERVER_ERROR = 500;

  /**
   * Stores successes, redirections and refusals that come from the request itself: a corrected request has another body, and
   * needs another key anyway. What depends on the moment is released. After any other server error nobody knows how far the
   * servlet got.
   */
  public static Verdict of(int status) {
    if (RELEASED.contains(status)) {
      return RELEASE;
    }
    return status >= SERVER_ERROR ? HOLD : STORE;
  }
}
