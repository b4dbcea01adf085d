package dev.onced.scenarios;

import com.google.gson.JsonObject;
import dev.onced.OncedException;
import dev.onced.RetryableError;
import dev.onced.RunException;

/** Exceptions by the names of the vectors' README.md. */
final class Outcomes {
  private Outcomes() {}

  static JsonObject named(String outcome) {
    JsonObject json = new JsonObject();
    json.addProperty("outcome", outcome);
    return json;
  }

  static JsonObject of(Exception error) {
    JsonObject outcome = named(name(error));
    outcome.addProperty("detail", error.toString());
    if (error instanceof RunException.FailedForGood failed) {
      outcome.addProperty("replayed", failed.isReplayed());
      outcome.addProperty("code", failed.error().getCode());
      outcome.addProperty("message", failed.error().getMessage());
    }
    return outcome;
  }

  private static String name(Exception error) {
    if (error instanceof RunException.FailedForGood) {
      return "failed";
    }
    if (error instanceof RunException.StillInProgress) {
      return "in-progress";
    }
    if (error instanceof RunException.NotYet) {
      return "retry-later";
    }
    if (error instanceof RunException.IsOrphaned) {
      return "orphaned";
    }
    if (error instanceof RunException.NotRecorded) {
      return "not-recorded";
    }
    if (error instanceof OncedException.KeyReused) {
      return "key-reused";
    }
    if (error instanceof RetryableError) {
      return "retryable";
    }
    if (error instanceof OncedException called) {
      return called.isTemporary() ? "unreachable" : "error";
    }
    return "unknown"; // what the work threw, as it was
  }
}
