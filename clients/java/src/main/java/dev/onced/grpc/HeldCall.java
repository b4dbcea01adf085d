package dev.onced.grpc;

import io.grpc.ForwardingServerCall;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** Holds a response back until it is recorded. Its caller's leaving is not told to the method: the work is finished. */
final class HeldCall<Q, R> extends ForwardingServerCall.SimpleForwardingServerCall<Q, R> {
  private final CompletableFuture<Closed> closed = new CompletableFuture<>();
  private volatile Metadata headers = new Metadata();
  private volatile R message;

  record Closed(Status status, Metadata trailers) {}

  HeldCall(ServerCall<Q, R> call) {
    super(call);
  }

  /** How the method ended, which may be on another thread. */
  Closed awaitClose() throws InterruptedException {
    try {
      return closed.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  Metadata headers() {
    return headers;
  }

  R message() {
    return message;
  }

  @Override
  public void request(int count) {
    // The request is here already.
  }

  @Override
  public void sendHeaders(Metadata headers) {
    this.headers = headers;
  }

  @Override
  public void sendMessage(R message) {
    this.message = message;
  }

  @Override
  public void close(Status status, Metadata trailers) {
    closed.complete(new Closed(status, trailers));
  }

  @Override
  public boolean isCancelled() {
    return false;
  }

  @Override
  public boolean isReady() {
    return true;
  }
}
