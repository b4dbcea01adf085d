package dev.onced;

import dev.onced.v1.Acquired;
import dev.onced.v1.BeginIntentRequest;
import dev.onced.v1.BeginIntentResponse;
import dev.onced.v1.Completed;
import dev.onced.v1.IdempotencyServiceGrpc;
import io.grpc.Context;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/**
 * Begins until there is an answer that ends the asking: waits for those who are at it, repeats what was not answered with
 * the same attempt id, and gives back a lease that was won after its caller had left.
 */
final class Claim {
  private final OncedClient client;
  private final RunOptions options;
  private final BeginIntentRequest.Builder request;
  private long waitUntilNanos;
  private long answerUntilNanos;
  private int unanswered;
  private boolean isWaitRefused;

  /** What ends the asking without an exception: a lease (with the time from which it counts), or a stored result. */
  record Won(Acquired acquired, long sentNanos, Completed completed) {}

  private Claim(OncedClient client, RunOptions options, BeginIntentRequest.Builder request) {
    this.client = client;
    this.options = options;
    this.request = request;
  }

  static Won claim(OncedClient client, RunOptions options, BeginIntentRequest.Builder request) {
    return new Claim(client, options, request).untilDecided();
  }

  private Won untilDecided() {
    waitUntilNanos = System.nanoTime() + options.wait.toNanos();
    noteAnswer();
    while (true) {
      setWait();
      try {
        Won won = ask();
        if (won != null) {
          return won;
        }
      } catch (OncedException failure) {
        if (!isWaitRefused && refusesWait(failure)) {
          isWaitRefused = true; // this namespace allows none, or not as much: ask again and again
        } else {
          pauseUnanswered(failure);
        }
      }
    }
  }

  private static boolean refusesWait(OncedException failure) {
    return failure instanceof OncedException.InvalidField && failure.facts().fields().keySet().equals(Set.of("wait"));
  }

  private void noteAnswer() {
    unanswered = 0;
    answerUntilNanos = System.nanoTime() + options.beginTimeout.toNanos();
  }

  /** Leaves time for the way back, so that a wait ends with an answer and not with the caller's time. */
  private void setWait() {
    long waitNanos = waitUntilNanos - System.nanoTime();
    if (Context.current().getDeadline() != null) {
      long leftNanos = Context.current().getDeadline().timeRemaining(TimeUnit.NANOSECONDS);
      waitNanos = Math.min(waitNanos, leftNanos - Limits.WAY_BACK_NANOS);
    }
    Duration wait = Duration.ofMillis(Math.min(waitNanos, Limits.WAIT_SLICE_MAX_NANOS) / 1_000_000);
    if (isWaitRefused || wait.isNegative() || wait.isZero()) {
      request.clearWait();
    } else {
      request.setWait(Durations.of(wait));
    }
  }

  /** Null: ask again. */
  private Won ask() {
    Duration timeout = client.options.beginTimeout().plus(Durations.of(request.getWait()));
    CompletableFuture<Calls.Answered<BeginIntentResponse>> answer =
        client.calls.tryOnce(IdempotencyServiceGrpc.getBeginIntentMethod(), request.build(), timeout);
    try (var leaving = Leaving.watch(answer)) {
      return judge(Waiting.interruptibly(leaving.future()));
    } catch (OncedException failure) {
      answer.thenAccept(this::giveBack); // the caller has left; nothing comes when the failure is the answer
      throw failure;
    }
  }

  private Won judge(Calls.Answered<BeginIntentResponse> answer) {
    BeginIntentResponse response = answer.response();
    switch (response.getOutcomeCase()) {
      case ACQUIRED -> {
        if (mayHaveLapsed(response.getAcquired(), answer.sentNanos())) {
          pauseUnanswered(Waiting.tooLate()); // the same attempt asks again, and has its lease counted anew
          return null;
        }
        return new Won(response.getAcquired(), answer.sentNanos(), null);
      }
      case COMPLETED -> {
        return new Won(null, answer.sentNanos(), response.getCompleted());
      }
      case FAILED -> throw new RunException.FailedForGood(response.getFailed());
      case ORPHANED -> throw new RunException.IsOrphaned(response.getOrphaned());
      case RETRY_LATER -> {
        RunException.NotYet later = new RunException.NotYet(response.getRetryLater());
        long afterNanos = later.retryAfter().toNanos();
        pause(afterNanos + random(afterNanos / 10), later); // not before that; spread a little beyond it
      }
      default -> {
        // In progress, and whatever a newer server may say: the side effect must not be done.
        RunException.StillInProgress busy = new RunException.StillInProgress(response.getInProgress());
        long afterNanos = Math.min(busy.retryAfter().toNanos(), Limits.ASK_AGAIN_MAX_NANOS);
        pause(afterNanos / 2 + random(Limits.ASK_AGAIN_MAX_NANOS / 2), busy);
      }
    }
    return null;
  }

  private static boolean mayHaveLapsed(Acquired acquired, long sentNanos) {
    long leaseNanos = Durations.of(acquired.getLeaseRemaining()).toNanos();
    return !acquired.getDegraded() && System.nanoTime() - sentNanos >= leaseNanos - LeaseKeeper.marginNanos(leaseNanos);
  }

  private void pause(long nanos, RunException otherwise) {
    noteAnswer();
    if (System.nanoTime() + nanos - waitUntilNanos > 0) {
      throw otherwise;
    }
    Waiting.sleep(nanos);
  }

  /** Within the budget for retries soon, beyond it slowly. Throws the failure when no repeat can help. */
  private void pauseUnanswered(OncedException failure) {
    unanswered++;
    boolean isEnded = failure instanceof OncedException.AttemptEnded;
    if (!isEnded && !failure.isTemporary()) {
      throw failure;
    }
    if (isEnded) {
      request.setAttemptId(newAttemptId()); // a copy of our begin was ended by somebody else: this is a new try
    }
    long pauseNanos = client.calls.budget.failed()
        ? RetryBudget.backoffNanos(unanswered)
        : Limits.BACKOFF_MAX_NANOS / 2 + random(Limits.BACKOFF_MAX_NANOS);
    pauseNanos += failure.facts().retryAfter().toNanos();
    if (System.nanoTime() + pauseNanos - answerUntilNanos > 0) {
      throw failure;
    }
    client.calls.noteRetry(IdempotencyServiceGrpc.getBeginIntentMethod(), unanswered, failure);
    Waiting.sleep(pauseNanos);
    client.calls.reconnect();
  }

  private void giveBack(Calls.Answered<BeginIntentResponse> answer) {
    if (answer.response().hasAcquired()) {
      Settling.giveBack(client, request.getNamespace(), request.getKey(), answer.response().getAcquired());
    }
  }

  static String newAttemptId() {
    return UUID.randomUUID().toString();
  }

  private static long random(long bound) {
    return ThreadLocalRandom.current().nextLong(bound + 1);
  }
}
