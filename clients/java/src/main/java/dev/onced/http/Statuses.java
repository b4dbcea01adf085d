package dev.onced.http;

import dev.onced.Verdict;
import java.util.Set;

/** What HTTP statuses mean for a key. */
public final class Statuses {
  /** They depend on the moment. */
  private static final Set<Integer> RELEASED = Set.of(401, 403, 407, 408, 409, 423, 425, 429, 501, 503);

  private static final int SERVER_ERROR = 500;

  private Statuses() {}

  /**
   * Stores successes, redirections and refusals that come from the request itself: a corrected request has another body, and
   * needs another key anyway. What depends on the moment is released. After any other server error nobody knows how far the
   * servlet got.
   */
  public static Verdict verdict(int status) {
    if (RELEASED.contains(status)) {
      return Verdict.RELEASE;
    }
    return status >= SERVER_ERROR ? Verdict.HOLD : Verdict.STORE;
  }
}
