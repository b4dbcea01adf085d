package dev.onced;

import dev.onced.v1.ErrorReason;
import io.grpc.Status;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;

/** Blocking of the caller's thread. */
final class Waiting {
  private Waiting() {}

  /** The future's value, or its OncedException. Interrupted, the thread stays so, and the exception says cancelled. */
  static <T> T interruptibly(CompletableFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw cancelled(e);
    } catch (ExecutionException e) {
      throw failure(e);
    }
  }

  static <T> T uninterruptibly(CompletableFuture<T> future) {
    boolean wasInterrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          wasInterrupted = true;
        } catch (ExecutionException e) {
          throw failure(e);
        }
      }
    } finally {
      if (wasInterrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  static void sleep(long nanos) {
    try {
      TimeUnit.NANOSECONDS.sleep(nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw cancelled(e);
    }
  }

  static void sleepUninterruptibly(long nanos) {
    CompletableFuture<Void> over = new CompletableFuture<>();
    over.completeOnTimeout(null, nanos, TimeUnit.NANOSECONDS);
    uninterruptibly(over);
  }

  static OncedException cancelled(Throwable cause) {
    return own(Status.Code.CANCELLED, "the caller left before there was an answer", cause);
  }

  static OncedException closed(Throwable cause) {
    return own(Status.Code.CANCELLED, "the client is closed", cause);
  }

  static OncedException recording() {
    return own(Status.Code.DEADLINE_EXCEEDED, "the outcome is still being recorded", null);
  }

  static OncedException tooLate() {
    return own(Status.Code.DEADLINE_EXCEEDED, "the answer took longer than the lease that it brought", null);
  }

  private static OncedException own(Status.Code code, String message, Throwable cause) {
    ErrorReason none = ErrorReason.ERROR_REASON_UNSPECIFIED;
    return new OncedException(
        new OncedException.Facts(code, none, message, Map.of(), Duration.ZERO, Map.of()), cause);
  }

  private static OncedException failure(ExecutionException e) {
    if (e.getCause() instanceof OncedException failure) {
      return failure;
    }
    throw new IllegalStateException(e.getCause());
  }
}
