package dev.onced;

import dev.onced.v1.RenewRequest;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Records how work ended, on the caller's thread or behind it, and keeps the lease until that is done. */
final class Recording {
  private Recording() {}

  /** The result as it is stored. Throws what the run throws, but for an Error of the work. */
  static <E extends Exception> Result record(OncedClient client, Attempt attempt, Runs.Ended ended, Duration wait)
      throws E {
    if (wait == null) {
      return Recording.<E>unwrapped(settle(client, attempt, ended));
    }
    CompletableFuture<Settled> recorded = new CompletableFuture<>();
    Thread recorder = new Thread(() -> recorded.complete(settle(client, attempt, ended)), "onced-recording");
    recorder.setDaemon(true);
    recorder.start();
    Settled still = new Settled(null, new RunException.NotRecorded(ended.result(), ended.thrown(), Waiting.recording()));
    return Recording.<E>unwrapped(Waiting.uninterruptibly(
        recorded.copy().completeOnTimeout(still, wait.toNanos(), TimeUnit.NANOSECONDS)));
  }

  /** Either is null. */
  private record Settled(Result result, Exception thrown) {}

  private static Settled settle(OncedClient client, Attempt attempt, Runs.Ended ended) {
    RenewRequest hold = attempt.hold();
    try (attempt) {
      if (ended.meaning() == null) {
        return new Settled(Settling.complete(client, hold, ended.result()), null);
      }
      return new Settled(null, Settling.fail(client, hold, ended.thrown(), ended.meaning()));
    } catch (RuntimeException e) {
      return new Settled(null, e);
    }
  }

  /** What the work threw is of type E or unchecked; so is what takes its place. */
  @SuppressWarnings("unchecked")
  private static <E extends Exception> Result unwrapped(Settled settled) throws E {
    if (settled.thrown instanceof RuntimeException unchecked) {
      throw unchecked;
    }
    if (settled.thrown != null) {
      throw (E) settled.thrown;
    }
    return settled.result;
  }
}
