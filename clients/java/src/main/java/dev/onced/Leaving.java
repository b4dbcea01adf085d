package dev.onced;

import io.grpc.Context;
import java.util.concurrent.CompletableFuture;

/** Ends the waiting for an answer when the gRPC call in which the caller works is cancelled or over. */
final class Leaving<T> implements AutoCloseable, Context.CancellationListener {
  private final CompletableFuture<T> future;

  private Leaving(CompletableFuture<T> answer) {
    future = answer.copy();
  }

  static <T> Leaving<T> watch(CompletableFuture<T> answer) {
    Leaving<T> leaving = new Leaving<>(answer);
    Context.current().addListener(leaving, Runnable::run);
    return leaving;
  }

  /** The answer, or an exception that says that the caller left. */
  CompletableFuture<T> future() {
    return future;
  }

  @Override
  public void cancelled(Context context) {
    future.completeExceptionally(Waiting.cancelled(context.cancellationCause()));
  }

  @Override
  public void close() {
    Context.current().removeListener(this);
  }
}
