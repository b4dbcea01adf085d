package dev.onced;

import com.google.protobuf.ByteString;
import dev.onced.v1.IdempotencyServiceGrpc;
import dev.onced.v1.RenewRequest;
import dev.onced.v1.RenewResponse;
import java.time.Duration;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Keeps a lease while work is done: renews at a third, so that two renewals may fail before the work must stop, and stops
 * the work before the lease could be lost. All times are counted on the monotonic clock from when the request that won
 * them was sent.
 *
 * <p>It goes on renewing after it has stopped the work: a lease that nobody took over can be had back, which protects the
 * outcome while it is being recorded.
 */
final class LeaseKeeper implements AutoCloseable {
  private final OncedClient client;
  private final RenewRequest request;
  private final boolean isDegraded;
  private final Consumer<OncedException> stopWork;

  private long sentNanos;
  private long grantedNanos;
  private boolean isRecording;
  private boolean isClosed;
  private ScheduledFuture<?> renewal;
  private ScheduledFuture<?> guard;

  /**
   * Starts at once.
   *
   * @param stopWork called once or more, with null when the lease could not be renewed in time
   */
  LeaseKeeper(OncedClient client, RenewRequest request, Claim.Won won, Consumer<OncedException> stopWork) {
    this.client = client;
    this.request = request;
    this.isDegraded = won.acquired().getDegraded();
    this.stopWork = stopWork;
    extended(won.sentNanos(), Durations.of(won.acquired().getLeaseRemaining()));
  }

  /** Part of a lease that is left when the work is stopped. */
  static long marginNanos(long leaseNanos) {
    return leaseNanos / 6;
  }

  /** How long the lease is surely held from now, without a renewal. */
  synchronized Duration remaining() {
    return Duration.ofNanos(sentNanos + grantedNanos - System.nanoTime());
  }

  ByteString leaseToken() {
    return request.getLeaseToken();
  }

  /** A grant. Answers may overtake one another; the request that was sent last counts. */
  synchronized void extended(long sentNanos, Duration remaining) {
    if (isClosed || (renewal != null && sentNanos - this.sentNanos < 0)) {
      return;
    }
    this.sentNanos = sentNanos;
    grantedNanos = remaining.toNanos();
    if (guard != null) {
      guard.cancel(false);
    }
    long untilStop = sentNanos + grantedNanos - marginNanos(grantedNanos) - System.nanoTime();
    guard = client.timers.schedule(this::stopLapsed, untilStop, TimeUnit.NANOSECONDS);
    long untilRenewal = sentNanos + grantedNanos / 3 - System.nanoTime();
    renewIn(Math.max(untilRenewal, Limits.RENEW_PAUSE_MIN_NANOS));
  }

  private synchronized void renewIn(long nanos) {
    if (isClosed) {
      return;
    }
    if (renewal != null) {
      renewal.cancel(false);
    }
    renewal = client.timers.schedule(this::renew, nanos, TimeUnit.NANOSECONDS);
  }

  private void renew() {
    long timeoutNanos;
    synchronized (this) {
      if (isClosed) {
        return;
      }
      timeoutNanos = Math.max(grantedNanos / 6, Limits.RENEW_TIMEOUT_MIN_NANOS);
    }
    client.calls
        .tryOnce(IdempotencyServiceGrpc.getRenewMethod(), request, Duration.ofNanos(timeoutNanos))
        .whenComplete(this::renewed);
  }

  private void renewed(Calls.Answered<RenewResponse> answer, Throwable error) {
    if (answer != null) {
      extended(answer.sentNanos(), Durations.of(answer.response().getLeaseRemaining()));
      return;
    }
    OncedException failure = (OncedException) error;
    noteError(failure);
    if (failure.isTemporary()) {
      client.calls.reconnect();
      long twelfth = grantedTwelfth();
      renewIn(Limits.RENEW_PAUSE_MIN_NANOS + ThreadLocalRandom.current().nextLong(twelfth + 1));
    }
  }

  private synchronized long grantedTwelfth() {
    return grantedNanos / 12;
  }

  /** Stops the work when the server has said that this attempt holds nothing any more. */
  void noteError(OncedException failure) {
    synchronized (this) {
      boolean isRecorded = isRecording && failure instanceof OncedException.AlreadySettled;
      if (isClosed || isRecorded) {
        return; // the outcome is recorded: a renewal that came too late is no news
      }
    }
    client.warn("a lease was not renewed", request.getNamespace(), request.getKey(), failure);
    boolean isLost = failure instanceof OncedException.LeaseLost
        || failure instanceof OncedException.IntentNotFound
        || failure instanceof OncedException.AlreadySettled;
    if (isLost) {
      stopWork.accept(failure);
    }
  }

  private void stopLapsed() {
    synchronized (this) {
      long untilStop = sentNanos + grantedNanos - marginNanos(grantedNanos) - System.nanoTime();
      if (isClosed || isDegraded || untilStop > 0) {
        return;
      }
    }
    client.warn("work stopped: its lease could not be renewed in time", request.getNamespace(), request.getKey(), null);
    stopWork.accept(null);
  }

  /** What the work came to is being recorded from now on, which is there before its answer is here. */
  synchronized void workHasEnded() {
    isRecording = true;
  }

  @Override
  public synchronized void close() {
    isClosed = true;
    guard.cancel(false);
    renewal.cancel(false);
  }
}
