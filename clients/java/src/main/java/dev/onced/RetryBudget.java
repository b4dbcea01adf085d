package dev.onced;

import java.util.concurrent.ThreadLocalRandom;

/** Keeps retries from multiplying the load on a server that is already failing, as in gRPC's own throttling. */
final class RetryBudget {
  private double tokens = Limits.BUDGET_TOKENS;

  synchronized void succeeded() {
    tokens = Math.min(tokens + Limits.BUDGET_REFILL, Limits.BUDGET_TOKENS);
  }

  /** Tells whether a retry is allowed. */
  synchronized boolean failed() {
    tokens = Math.max(tokens - 1, 0);
    return !isUsedUp();
  }

  synchronized boolean isUsedUp() {
    return tokens <= Limits.BUDGET_TOKENS / 2;
  }

  /** Full jitter: anything from nothing to the bound, so that clients that failed together come back apart. */
  static long backoffNanos(int tries) {
    long bound = Math.min(Limits.BACKOFF_BASE_NANOS << Math.min(tries - 1, 10), Limits.BACKOFF_MAX_NANOS);
    return ThreadLocalRandom.current().nextLong(bound + 1);
  }
}
