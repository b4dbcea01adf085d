package dev.onced;

import dev.onced.v1.Completed;
import dev.onced.v1.Failed;
import dev.onced.v1.InProgress;
import dev.onced.v1.IntentError;
import dev.onced.v1.Orphaned;
import dev.onced.v1.RetryLater;
import java.time.Duration;
import java.time.Instant;

/** Why a run has no result, though the server answered. The subclass says which. */
public abstract sealed class RunException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  RunException(String message, Throwable cause) {
    super(message, cause);
  }

  /** The key failed for good, now or earlier. A new try needs a new key. */
  public static final class FailedForGood extends RunException {
    private final transient IntentError error;
    private final transient Instant expireTime;
    private final boolean attemptsExhausted;
    private final boolean replayed;

    FailedForGood(IntentError error, Instant expireTime, Throwable cause) {
      super(error.getCode() + ": " + error.getMessage(), cause);
      this.error = error;
      this.expireTime = expireTime;
      this.attemptsExhausted = false;
      this.replayed = false;
    }

    FailedForGood(Failed failed) {
      super(failed.getError().getCode() + ": " + failed.getError().getMessage(), null);
      this.error = failed.getError();
      this.expireTime = Durations.of(failed.getExpireTime());
      this.attemptsExhausted = failed.getAttemptsExhausted();
      this.replayed = true;
    }

    /** As the work gave it, byte for byte. */
    public IntentError error() {
      return error;
    }

    /** No attempt failed for good, but the namespace allows no more. */
    public boolean isAttemptsExhausted() {
      return attemptsExhausted;
    }

    /** It failed earlier, the work did not run now. */
    public boolean isReplayed() {
      return replayed;
    }

    /** From then on the key counts as never seen. */
    public Instant expireTime() {
      return expireTime;
    }
  }

  /** Somebody else was at it for as long as this caller waited. Ask again later, with the same key. */
  public static final class StillInProgress extends RunException {
    private final Duration retryAfter;
    private final transient InProgress answer;

    StillInProgress(InProgress answer) {
      super("attempt " + answer.getAttempt() + " by \"" + answer.getOwner() + "\" is in progress", null);
      this.answer = answer;
      this.retryAfter = orUnknown(answer.hasRetryAfter(), answer.getRetryAfter());
    }

    public InProgress answer() {
      return answer;
    }

    public Duration retryAfter() {
      return retryAfter;
    }
  }

  /** The last attempt was released with a delay. Ask again later, with the same key. */
  public static final class NotYet extends RunException {
    private final Duration retryAfter;
    private final transient RetryLater answer;

    NotYet(RetryLater answer) {
      super("attempt " + answer.getAttempt() + " was released; the next may start later", null);
      this.answer = answer;
      this.retryAfter = orUnknown(answer.hasRetryAfter(), answer.getRetryAfter());
    }

    public RetryLater answer() {
      return answer;
    }

    public Duration retryAfter() {
      return retryAfter;
    }
  }

  /** Nobody knows whether the side effect happened, and somebody must look before it may be tried again. */
  public static final class IsOrphaned extends RunException {
    private final transient Orphaned answer;

    IsOrphaned(Orphaned answer) {
      super("nobody knows whether attempt " + answer.getAttempt() + " took effect: resolve it first", null);
      this.answer = answer;
    }

    public Orphaned answer() {
      return answer;
    }
  }

  /** The work was done, and its result is past its retention. */
  public static final class ResultDropped extends RunException {
    private final transient Completed answer;

    ResultDropped(Completed answer) {
      super("done at " + Durations.of(answer.getCompleteTime()) + ", but the result is past its retention", null);
      this.answer = answer;
    }

    public Completed answer() {
      return answer;
    }
  }

  /**
   * The work ended, but its outcome could not be recorded, so a later caller may run it again. The cause says why ({@link
   * OncedException.LeaseLost} when somebody else has taken over); the work's own error is suppressed in it.
   */
  public static final class NotRecorded extends RunException {
    private final transient Result result;

    NotRecorded(Result result, Throwable workError, OncedException reason) {
      super("the work ended, but its outcome could not be recorded: " + reason.getMessage(), reason);
      this.result = result;
      if (workError != null) {
        addSuppressed(workError);
      }
    }

    /** What the work returned, as it would have been stored; null when it failed. */
    public Result result() {
      return result;
    }
  }

  private static Duration orUnknown(boolean isGiven, com.google.protobuf.Duration duration) {
    return isGiven ? Durations.of(duration) : Limits.RETRY_AFTER_UNKNOWN;
  }
}
