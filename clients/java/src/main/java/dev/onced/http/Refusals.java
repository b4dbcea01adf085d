package dev.onced.http;

import dev.onced.OncedException;
import dev.onced.RunException;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;

/** Answers requests whose servlet did not run. Nothing of the stored request is ever told. */
final class Refusals {
  private static final Duration COME_BACK = Duration.ofSeconds(1);

  private Refusals() {}

  static void write(HttpServletResponse response, Exception reason) throws IOException {
    if (reason instanceof RunException.StillInProgress busy) {
      Problem.IN_PROGRESS.write(response, busy.retryAfter(), "the first request with this key is still running");
    } else if (reason instanceof RunException.NotYet later) {
      Problem.IN_PROGRESS.write(response, later.retryAfter(), "the request may be tried again later, with the same key");
    } else if (reason instanceof OncedException.KeyReused) {
      Problem.REUSED.write(response, "this key stands for another request; use a new key for a new request");
    } else if (reason instanceof RunException.IsOrphaned) {
      Problem.UNKNOWN.write(response, "nobody knows whether the first request took effect; somebody is to look into it");
    } else if (reason instanceof RunException.ResultDropped) {
      response.setHeader("Idempotency-Replayed", "true");
      Problem.NOT_KEPT.write(response, "the request was carried out; its response is past its retention");
    } else if (reason instanceof RunException.FailedForGood) {
      response.setHeader("Idempotency-Replayed", "true");
      Problem.FAILED.write(response, "the request failed for good; a new try needs a new key");
    } else if (reason instanceof RunException.NotRecorded) {
      // Whoever asks again may have it done again; to be told that all is well would be wrong.
      Problem.OUTAGE.write(response, COME_BACK, "the request was carried out, but its outcome is not recorded yet");
    } else if (reason instanceof OncedException failure && failure.isTemporary()) {
      Problem.OUTAGE.write(response, failure.facts().retryAfter(), "nothing was done; try again with the same key");
    } else {
      Problem.REFUSED.write(response, "the idempotency service refused the request");
    }
  }
}
