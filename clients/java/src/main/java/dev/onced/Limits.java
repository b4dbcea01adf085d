package dev.onced;

import java.time.Duration;

/** Limits of this client. Each that a program may want to change has an option. */
final class Limits {
  /** One try of BeginIntent, beside the wait that was asked for. */
  static final Duration BEGIN_TIMEOUT = Duration.ofSeconds(2);

  /** One try of Lookup or GetServerInfo. */
  static final Duration LOOKUP_TIMEOUT = Duration.ofSeconds(1);

  /** One try of Complete, Fail, Renew or Checkpoint. */
  static final Duration SETTLE_TIMEOUT = Duration.ofSeconds(5);

  /** All tries of Complete or Fail: as long as an attempt can hold a key. */
  static final Duration SETTLE_FOR = Duration.ofHours(24);

  /** For the outcome of somebody else. */
  static final Duration RUN_WAIT = Duration.ofMinutes(1);

  /** For a server that does not answer. */
  static final Duration RUN_BEGIN_TIMEOUT = Duration.ofMinutes(1);

  /** Tries of every call but Complete and Fail. */
  static final int TRIES_MAX = 4;

  /** Longest pause before the second try; doubles with each. */
  static final long BACKOFF_BASE_NANOS = Duration.ofMillis(50).toNanos();

  /** Longest pause between two tries. */
  static final long BACKOFF_MAX_NANOS = Duration.ofSeconds(1).toNanos();

  /** Longest wait asked of the server at once, below usual proxy limits. */
  static final long WAIT_SLICE_MAX_NANOS = Duration.ofSeconds(10).toNanos();

  /** Of the caller's time, kept free for the answer to a wait. */
  static final long WAY_BACK_NANOS = Duration.ofMillis(100).toNanos();

  /** Longest pause while somebody else is at it, whose outcome may come early. */
  static final long ASK_AGAIN_MAX_NANOS = Duration.ofSeconds(1).toNanos();

  /** After an answer that does not say when to ask again, or that this release does not know. */
  static final Duration RETRY_AFTER_UNKNOWN = Duration.ofSeconds(1);

  /** A failed try takes one token, a good one gives back a tenth, as in gRPC's own throttling. */
  static final double BUDGET_TOKENS = 10;

  static final double BUDGET_REFILL = 0.1;

  /** Silence in a call before the connection is probed, and after a probe before it is given up. */
  static final Duration KEEPALIVE_AFTER = Duration.ofSeconds(10);

  static final Duration KEEPALIVE_TIMEOUT = Duration.ofSeconds(5);

  /** One try of a renewal, when a sixth of the lease is less. */
  static final long RENEW_TIMEOUT_MIN_NANOS = Duration.ofMillis(50).toNanos();

  /** Between renewals, of a server that gives no more time. */
  static final long RENEW_PAUSE_MIN_NANOS = Duration.ofMillis(20).toNanos();

  /** Of an error's code and message. */
  static final int ERROR_CODE_BYTES_MAX = 128;

  static final int ERROR_MESSAGE_BYTES_MAX = 1024;

  private Limits() {}
}
