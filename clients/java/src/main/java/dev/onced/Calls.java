package dev.onced;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.MethodDescriptor;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** RPCs with their bounds and repeats. */
final class Calls {
  final RetryBudget budget = new RetryBudget();

  private final ManagedChannel connection;
  private final Channel channel;
  private final LogHook log;
  private final TraceHook trace;

  Calls(ManagedChannel connection, Channel channel, LogHook log, TraceHook trace) {
    this.connection = connection;
    this.channel = channel;
    this.log = log;
    this.trace = trace;
  }

  /**
   * An answer, and when the try that it answers was sent, on the monotonic clock: a lease in it counts from there.
   *
   * @param sentNanos of System.nanoTime
   */
  record Answered<R>(R response, long sentNanos) {}

  /**
   * One try. No end of the caller's reaches it but the timeout: what was sent may take effect all the same. Fails with an
   * OncedException.
   */
  <Q, R> CompletableFuture<Answered<R>> tryOnce(MethodDescriptor<Q, R> method, Q request, Duration timeout) {
    CompletableFuture<Answered<R>> future = new CompletableFuture<>();
    TraceHook.Span span = trace.start("onced." + method.getBareMethodName(), Map.of());
    Context detached = Context.current().fork();
    Context previous = detached.attach();
    try {
      CallOptions options = CallOptions.DEFAULT.withDeadlineAfter(timeout.toNanos(), TimeUnit.NANOSECONDS);
      Answer<R> answer = new Answer<>(future, span, System.nanoTime());
      ClientCalls.asyncUnaryCall(channel.newCall(method, options), request, answer);
    } catch (RuntimeException e) {
      span.end(e);
      future.completeExceptionally(CallErrors.exceptionOf(e));
    } finally {
      detached.detach(previous);
    }
    return future;
  }

  private final class Answer<R> implements StreamObserver<R> {
    private final CompletableFuture<Answered<R>> future;
    private final TraceHook.Span span;
    private final long sentNanos;
    private R response;

    Answer(CompletableFuture<Answered<R>> future, TraceHook.Span span, long sentNanos) {
      this.future = future;
      this.span = span;
      this.sentNanos = sentNanos;
    }

    @Override
    public void onNext(R response) {
      this.response = response;
    }

    @Override
    public void onError(Throwable error) {
      span.end(error);
      future.completeExceptionally(connection.isShutdown() ? Waiting.closed(error) : CallErrors.exceptionOf(error));
    }

    @Override
    public void onCompleted() {
      budget.succeeded();
      span.end(null);
      future.complete(new Answered<>(response, sentNanos));
    }
  }

  /**
   * Repeats the call as long as that is allowed and can help. Interrupting the thread ends it. A delay that is longer than a
   * try may take is the caller's to wait out.
   */
  <Q, R> Answered<R> call(MethodDescriptor<Q, R> method, Q request, Duration timeout) {
    for (int tries = 1; ; tries++) {
      try {
        return Waiting.interruptibly(tryOnce(method, request, timeout));
      } catch (OncedException failure) {
        boolean isSoon = failure.facts().retryAfter().compareTo(timeout) <= 0;
        if (!failure.isTemporary() || !isSoon || !budget.failed() || tries >= Limits.TRIES_MAX) {
          throw failure;
        }
        noteRetry(method, tries, failure);
        Waiting.sleep(failure.facts().retryAfter().toNanos() + RetryBudget.backoffNanos(tries));
        reconnect();
      }
    }
  }

  /**
   * Repeats the call until it is answered, refused for good, or the time is over. For outcomes, which must not be lost:
   * interrupting the thread does not end it, closing the client does.
   */
  <Q, R> R callToTheEnd(MethodDescriptor<Q, R> method, Q request, Duration timeout, Duration total) {
    long endNanos = System.nanoTime() + total.toNanos();
    for (int tries = 1; ; tries++) {
      try {
        return Waiting.uninterruptibly(tryOnce(method, request, timeout)).response();
      } catch (OncedException failure) {
        long pauseNanos = failure.facts().retryAfter().toNanos() + RetryBudget.backoffNanos(tries);
        boolean isOver = System.nanoTime() + pauseNanos - endNanos >= 0;
        // A bug of the server may pass with its restart.
        boolean mayStillLand = failure.isTemporary() || failure instanceof OncedException.Internal;
        if (!mayStillLand || isOver) {
          throw failure;
        }
        noteRetry(method, tries, failure);
        Waiting.sleepUninterruptibly(pauseNanos);
        reconnect();
      }
    }
  }

  /** The library waits up to two minutes between connection attempts; a retry is a reason to try now. */
  void reconnect() {
    connection.resetConnectBackoff();
  }

  void noteRetry(MethodDescriptor<?, ?> method, int tries, OncedException failure) {
    Map<String, ?> fields = Map.of("rpc", method.getBareMethodName(), "tries", tries);
    log.log(System.Logger.Level.DEBUG, "trying again", fields, failure);
  }
}
