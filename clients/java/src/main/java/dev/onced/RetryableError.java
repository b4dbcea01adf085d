package dev.onced;

import dev.onced.v1.FailKind;
import java.time.Duration;

/** Thrown by work when the side effect did certainly not happen: another attempt may start, after the delay. */
public final class RetryableError extends WorkError {
  private static final long serialVersionUID = 1L;

  private final Duration retryAfter;

  public RetryableError(String message) {
    this(message, Duration.ZERO, null);
  }

  public RetryableError(String message, Duration retryAfter, Throwable cause) {
    this("RetryableError", message, retryAfter, cause);
  }

  RetryableError(String code, String message, Duration retryAfter, Throwable cause) {
    super(code, message, cause);
    this.retryAfter = retryAfter;
  }

  @Override
  FailKind kind() {
    return FailKind.FAIL_KIND_RETRYABLE;
  }

  @Override
  Duration retryAfter() {
    return retryAfter;
  }
}
