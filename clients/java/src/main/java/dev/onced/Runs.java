package dev.onced;

import dev.onced.v1.BeginIntentRequest;
import dev.onced.v1.Fingerprint;
import dev.onced.v1.RenewRequest;
import io.grpc.Context;
import java.util.ArrayList;
import java.util.List;

/** One run from claim to outcome. */
final class Runs {
  private Runs() {}

  static <E extends Exception> Result run(
      OncedClient client, String namespace, String key, RunOptions run, Work<Result, E> work) throws E {
    Claim.Won won = Claim.claim(client, run, beginRequest(client, namespace, key, run));
    if (won.completed() != null) {
      if (won.completed().getResultDropped()) {
        throw new RunException.ResultDropped(won.completed());
      }
      return Result.replayed(won.completed());
    }
    if (Thread.currentThread().isInterrupted() || Context.current().isCancelled()) {
      Settling.giveBack(client, namespace, key, won.acquired());
      throw Waiting.cancelled(null);
    }
    Attempt attempt = new Attempt(client, hold(namespace, key, run, won), won);
    Ended ended = perform(attempt, run, work);
    try {
      Result result = Recording.record(client, attempt, ended, run.recordWait);
      if (ended.error == null) {
        return result;
      }
    } catch (RuntimeException e) {
      if (ended.error == null) {
        throw e;
      }
      ended.error.addSuppressed(e);
    }
    throw ended.error;
  }

  /**
   * How work ended: with a result, an exception, or an Error.
   *
   * @param meaning of what was thrown, for the key; null when it returned
   */
  record Ended(Result result, Exception thrown, Error error, WorkError meaning) {}

  private static <E extends Exception> Ended perform(Attempt attempt, RunOptions run, Work<Result, E> work) {
    // The end of a gRPC call in which this runs must not end the calls that the work makes: it is finished.
    Context detached = Context.current().fork();
    Context previous = detached.attach();
    try {
      return new Ended(work.run(attempt), null, null, null);
    } catch (Exception e) {
      return new Ended(null, e, null, meaning(e, run));
    } catch (Error e) {
      return new Ended(null, null, e, new UnknownOutcomeError("Error", "the work ended with " + e, e));
    } finally {
      detached.detach(previous);
      attempt.workHasEnded();
    }
  }

  /**
   * Whoever fails without saying more has most often lost the answer of something it called, and then the side effect may
   * have happened. To let the next caller try again would be convenient in all other cases, and charge a customer twice in
   * this one.
   */
  private static WorkError meaning(Exception thrown, RunOptions run) {
    if (thrown instanceof WorkError known) {
      return known;
    }
    WorkError unknown =
        new UnknownOutcomeError(thrown.getClass().getSimpleName(), String.valueOf(thrown.getMessage()), thrown);
    try {
      WorkError translated = run.classify.apply(thrown);
      return translated == null ? unknown : translated;
    } catch (RuntimeException e) {
      thrown.addSuppressed(e);
      return unknown;
    }
  }

  private static BeginIntentRequest.Builder beginRequest(
      OncedClient client, String namespace, String key, RunOptions run) {
    BeginIntentRequest.Builder request = BeginIntentRequest.newBuilder()
        .setNamespace(namespace)
        .setKey(key)
        .addAllFingerprints(run.fingerprints)
        .setAttemptId(Claim.newAttemptId())
        .setOwner(run.owner == null ? client.options.owner() : run.owner)
        .putAllLabels(run.labels);
    if (run.lease != null) {
      request.setLease(Durations.of(run.lease));
    }
    if (run.ttl != null) {
      request.setTtl(Durations.of(run.ttl));
    }
    return request;
  }

  private static RenewRequest hold(String namespace, String key, RunOptions run, Claim.Won won) {
    RenewRequest.Builder hold = RenewRequest.newBuilder()
        .setNamespace(namespace)
        .setKey(key)
        .setLeaseToken(won.acquired().getLeaseToken());
    if (run.lease != null) {
      hold.setLease(Durations.of(run.lease));
    }
    return hold.build();
  }

  /** Adds the fingerprint of what was given to runOnce as the request. */
  static RunOptions withFingerprint(RunOptions run, Json json, Object request) {
    if (request == null) {
      return run;
    }
    List<Fingerprint> all = new ArrayList<>(run.fingerprints);
    if (request instanceof Fingerprint fingerprint) {
      all.add(fingerprint);
    } else if (request instanceof byte[] bytes) {
      all.add(Fingerprints.ofBytes(bytes));
    } else {
      all.add(Fingerprints.ofJson(json, request, run.exclude.toArray(String[]::new)));
    }
    return run.fingerprints(all);
  }
}
