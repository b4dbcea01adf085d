package dev.onced;

import com.google.protobuf.ByteString;
import dev.onced.v1.Acquired;
import dev.onced.v1.CheckpointRequest;
import dev.onced.v1.CheckpointResponse;
import dev.onced.v1.IdempotencyServiceGrpc;
import dev.onced.v1.IntentError;
import dev.onced.v1.RenewRequest;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** A lease on a key while work runs. It renews itself. Safe for use by several threads. */
public final class Attempt implements AutoCloseable {
  private final OncedClient client;
  private final Acquired acquired;
  private final RenewRequest hold;
  private final LeaseKeeper keeper;

  private Thread workThread;
  private boolean isStopped;
  private boolean hasInterrupted;

  Attempt(OncedClient client, RenewRequest hold, Claim.Won won) {
    this.client = client;
    this.acquired = won.acquired();
    this.hold = hold;
    this.workThread = Thread.currentThread();
    this.keeper = new LeaseKeeper(client, hold, won, this::stop);
  }

  public String namespace() {
    return hold.getNamespace();
  }

  public String key() {
    return hold.getKey();
  }

  /** 1 for the first attempt on the key. More: an earlier one was released or lost its lease. */
  public int number() {
    return acquired.getAttempt();
  }

  /** Grows with every attempt of the key, for ever. Hand it to a downstream system that refuses smaller ones. */
  public long fencingToken() {
    return acquired.getFencingToken();
  }

  /**
   * An earlier attempt lost its lease, so that its side effect may have happened. Look at the checkpoint and ask the
   * provider before doing it again.
   */
  public boolean isTakenOver() {
    return acquired.getTakenOver();
  }

  /** The store is out of reach and the namespace chose to go on: nothing protects this attempt. */
  public boolean isDegraded() {
    return acquired.getDegraded();
  }

  /** The key had been seen before and its record had expired, so that this may be a duplicate. */
  public boolean isLateRetry() {
    return acquired.getLateRetry();
  }

  /** What an earlier attempt saved. */
  public Optional<byte[]> checkpoint() {
    return acquired.hasCheckpoint() ? Optional.of(acquired.getCheckpoint().toByteArray()) : Optional.empty();
  }

  /** How the attempt before this one failed. */
  public Optional<IntentError> lastError() {
    return acquired.hasLastError() ? Optional.of(acquired.getLastError()) : Optional.empty();
  }

  /** Until when the record stays if nothing more is heard of it, on the store's clock. */
  public Instant expireTime() {
    return Durations.of(acquired.getExpireTime());
  }

  /** How long the lease is surely held from now, without a renewal. Not positive once it may be over. */
  public Duration remaining() {
    return keeper.remaining();
  }

  /** The lease is lost or about to be: stop at once, and begin nothing new. The work's thread was interrupted. */
  public synchronized boolean isStopped() {
    return isStopped;
  }

  /**
   * Saves up to 16 KiB for the next attempt, and renews the lease. Call it before the step that cannot be undone, with
   * what is needed to find out later whether it happened.
   */
  public void saveCheckpoint(byte[] data) {
    CheckpointRequest.Builder request = CheckpointRequest.newBuilder()
        .setNamespace(hold.getNamespace())
        .setKey(hold.getKey())
        .setLeaseToken(hold.getLeaseToken())
        .setData(ByteString.copyFrom(data));
    if (hold.hasLease()) {
      request.setLease(hold.getLease());
    }
    try {
      Calls.Answered<CheckpointResponse> answer = client.calls.call(
          IdempotencyServiceGrpc.getCheckpointMethod(), request.build(), client.options.settleTimeout());
      keeper.extended(answer.sentNanos(), Durations.of(answer.response().getLeaseRemaining()));
    } catch (OncedException failure) {
      keeper.noteError(failure);
      throw failure;
    }
  }

  RenewRequest hold() {
    return hold;
  }

  private synchronized void stop(OncedException reason) {
    isStopped = true;
    if (workThread != null && !hasInterrupted) {
      hasInterrupted = true;
      workThread.interrupt();
    }
  }

  /** No interrupt comes after this; one that came from here is taken back, so that it ends nothing else. */
  synchronized void workHasEnded() {
    workThread = null;
    keeper.workHasEnded();
    if (hasInterrupted) {
      Thread.interrupted();
    }
  }

  /** Keeps the lease no longer. */
  @Override
  public void close() {
    keeper.close();
  }
}
