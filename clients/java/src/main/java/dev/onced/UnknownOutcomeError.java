package dev.onced;

import dev.onced.v1.FailKind;

/** Thrown by work when nobody knows whether the side effect happened: the key is held until somebody has found out. */
public final class UnknownOutcomeError extends WorkError {
  private static final long serialVersionUID = 1L;

  public UnknownOutcomeError(String message) {
    this(message, null);
  }

  public UnknownOutcomeError(String message, Throwable cause) {
    this("UnknownOutcomeError", message, cause);
  }

  UnknownOutcomeError(String code, String message, Throwable cause) {
    super(code, message, cause);
  }

  @Override
  FailKind kind() {
    return FailKind.FAIL_KIND_UNKNOWN;
  }
}
