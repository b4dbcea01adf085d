package dev.onced;

import dev.onced.v1.FailKind;

/**
 * Thrown by work when the side effect did not and will not happen: every later caller gets this error. For refusals that a
 * repeat cannot change, such as a declined card.
 */
public final class FinalError extends WorkError {
  private static final long serialVersionUID = 1L;

  public FinalError(String code, String message) {
    this(code, message, null);
  }

  public FinalError(String code, String message, Throwable cause) {
    super(code, message, cause);
  }

  @Override
  FailKind kind() {
    return FailKind.FAIL_KIND_FINAL;
  }
}
