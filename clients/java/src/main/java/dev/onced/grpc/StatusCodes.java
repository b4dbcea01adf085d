package dev.onced.grpc;

import dev.onced.Verdict;
import io.grpc.Status;

/** What codes of failed calls mean for a key. */
public final class StatusCodes {
  private StatusCodes() {}

  /**
   * Stores refusals that come from the request itself, and releases what depends on the moment. After any other error nobody
   * knows how far the method got.
   */
  public static Verdict verdict(Status.Code code) {
    return switch (code) {
      case INVALID_ARGUMENT, NOT_FOUND, ALREADY_EXISTS, FAILED_PRECONDITION, OUT_OF_RANGE -> Verdict.STORE;
      case UNAVAILABLE, RESOURCE_EXHAUSTED, ABORTED, UNAUTHENTICATED, PERMISSION_DENIED, UNIMPLEMENTED -> Verdict.RELEASE;
      default -> Verdict.HOLD;
    };
  }
}
