package dev.onced;

import dev.onced.v1.Acquired;
import dev.onced.v1.CompleteRequest;
import dev.onced.v1.CompleteResponse;
import dev.onced.v1.FailKind;
import dev.onced.v1.FailRequest;
import dev.onced.v1.FailResponse;
import dev.onced.v1.IdempotencyServiceGrpc;
import dev.onced.v1.RenewRequest;
import java.time.Duration;

/** Records how work ended. */
final class Settling {
  private Settling() {}

  /** Returns the result as it is stored. Throws NotRecorded. */
  static Result complete(OncedClient client, RenewRequest hold, Result result) {
    CompleteRequest request = CompleteRequest.newBuilder()
        .setNamespace(hold.getNamespace())
        .setKey(hold.getKey())
        .setLeaseToken(hold.getLeaseToken())
        .setResult(result.data())
        .setContentType(result.contentType())
        .setContentEncoding(result.contentEncoding())
        .putAllLabels(result.labels())
        .build();
    try {
      CompleteResponse response = client.complete(request);
      return result.stored(Durations.of(response.getRecord().getExpireTime()));
    } catch (OncedException failure) {
      holdIfRefused(client, hold, failure);
      client.error("an outcome could not be recorded", hold.getNamespace(), hold.getKey(), failure);
      throw new RunException.NotRecorded(result, null, failure);
    }
  }

  /**
   * Returns what the run throws: the work's own exception, unless that is the outcome.
   *
   * @param thrown by the work
   * @param meaning of it for the key
   */
  static Exception fail(OncedClient client, RenewRequest hold, Exception thrown, WorkError meaning) {
    boolean isFinal = meaning.kind() == FailKind.FAIL_KIND_FINAL;
    try {
      FailResponse response = client.fail(failRequest(hold, meaning));
      return isFinal
          ? new RunException.FailedForGood(
              meaning.intentError(), Durations.of(response.getRecord().getExpireTime()), thrown)
          : thrown;
    } catch (OncedException failure) {
      holdIfRefused(client, hold, failure);
      client.error("a failure could not be recorded", hold.getNamespace(), hold.getKey(), failure);
      // Otherwise the lease runs out, and the next attempt is told that it takes over.
      return isFinal ? new RunException.NotRecorded(null, thrown, failure) : thrown;
    }
  }

  /** The key can be had by the next caller at once. One try: if it fails, the lease runs out. */
  static void giveBack(OncedClient client, String namespace, String key, Acquired acquired) {
    RenewRequest hold = RenewRequest.newBuilder()
        .setNamespace(namespace)
        .setKey(key)
        .setLeaseToken(acquired.getLeaseToken())
        .build();
    WorkError left =
        new RetryableError("CALLER_LEFT", "the caller left before the work began", Duration.ZERO, null);
    client.calls
        .tryOnce(IdempotencyServiceGrpc.getFailMethod(), failRequest(hold, left), client.options.settleTimeout())
        .exceptionally(error -> {
          client.warn("a lease that nobody wants could not be given back", namespace, key, error);
          return null;
        });
  }

  static WorkError outcomeRefused(Throwable cause) {
    String message = "the work ended, but its outcome could not be stored";
    return new UnknownOutcomeError("OUTCOME_REFUSED", message, cause);
  }

  /** An outcome that cannot be stored, being too large, must still keep anybody from doing it again. */
  private static void holdIfRefused(OncedClient client, RenewRequest hold, OncedException failure) {
    if (failure instanceof OncedException.InvalidField) {
      try {
        client.fail(failRequest(hold, outcomeRefused(failure)));
      } catch (OncedException second) {
        failure.addSuppressed(second);
      }
    }
  }

  private static FailRequest failRequest(RenewRequest hold, WorkError meaning) {
    FailRequest.Builder request = FailRequest.newBuilder()
        .setNamespace(hold.getNamespace())
        .setKey(hold.getKey())
        .setLeaseToken(hold.getLeaseToken())
        .setError(meaning.intentError())
        .setKind(meaning.kind());
    if (!meaning.retryAfter().isZero()) {
      request.setRetryAfter(Durations.of(meaning.retryAfter()));
    }
    return request.build();
  }
}
