package dev.onced.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import dev.onced.Attempt;
import dev.onced.FinalError;
import dev.onced.OncedClient;
import dev.onced.RetryableError;
import dev.onced.RunOptions;
import dev.onced.UnknownOutcomeError;
import dev.onced.v1.BeginIntentRequest;
import dev.onced.v1.BeginIntentResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;

/** Carries out steps for one key. */
record Steps(
    JsonObject scenario, String namespace, String key, OncedClient client, OncedClient straight, Report report) {
  private static final int REPEATS_MAX = 200;
  private static final int STOP_MS_MAX = 20_000;

  void carryOut(JsonArray steps, String path) throws InterruptedException {
    for (int i = 0; i < steps.size(); i++) {
      JsonObject step = steps.get(i).getAsJsonObject();
      String stepPath = path + "/" + i;
      switch (step.get("do").getAsString()) {
        case "pause" -> Thread.sleep(step.get("ms").getAsLong());
        case "begin" -> report.add(key, stepPath, begin(step));
        default -> report.add(key, stepPath, runUntilAnswered(step, stepPath));
      }
    }
  }

  private JsonObject begin(JsonObject step) {
    BeginIntentRequest.Builder request = BeginIntentRequest.newBuilder().setNamespace(namespace).setKey(key);
    request.setLease(com.google.protobuf.util.Durations.fromMillis(step.get("lease_ms").getAsLong()));
    BeginIntentResponse answer = client.begin(request.build());
    return Outcomes.named(answer.hasAcquired() ? "acquired" : "error");
  }

  private JsonObject runUntilAnswered(JsonObject step, String path) throws InterruptedException {
    for (int repeats = 0; ; repeats++) {
      JsonObject outcome = run(step, path);
      boolean isUnreachable = outcome.get("outcome").getAsString().equals("unreachable");
      if (!isUnreachable || !step.has("until_answered") || repeats == REPEATS_MAX) {
        return outcome;
      }
      Thread.sleep(20);
    }
  }

  private JsonObject run(JsonObject step, String path) {
    OncedClient by = step.has("client") ? straight : client;
    JsonObject todo = step.getAsJsonObject("work");
    JsonObject seen = new JsonObject();
    JsonObject outcome;
    try {
      JsonElement value = by.runOnce(namespace, key, request(step), JsonElement.class, attempt -> {
        seen.addProperty("attempt", attempt.number());
        attempt.checkpoint().ifPresent(saved -> seen.addProperty("checkpoint", new String(saved, StandardCharsets.UTF_8)));
        return work(todo, attempt, path);
      }, options(step));
      outcome = Outcomes.named("completed");
      outcome.add("value", value == null ? JsonNull.INSTANCE : value);
      outcome.addProperty("replayed", seen.size() == 0);
    } catch (Exception e) {
      outcome = Outcomes.of(e);
    }
    if (seen.size() > 0) {
      outcome.add("seen", seen);
    }
    return outcome;
  }

  private RunOptions options(JsonObject step) {
    RunOptions options = RunOptions.defaults();
    if (scenario.has("exclude")) {
      options = options.exclude(
          scenario.getAsJsonArray("exclude").asList().stream().map(JsonElement::getAsString).toArray(String[]::new));
    }
    if (step.has("lease_ms")) {
      options = options.lease(Duration.ofMillis(step.get("lease_ms").getAsLong()));
    }
    if (step.has("wait_ms")) {
      options = options.wait(Duration.ofMillis(step.get("wait_ms").getAsLong()));
    }
    return options;
  }

  private Object request(JsonObject step) {
    if (scenario.has("request_hex") && !step.has("request")) {
      return HexFormat.of().parseHex(scenario.get("request_hex").getAsString());
    }
    JsonElement request = step.has("request") ? step.get("request") : scenario.get("request");
    return request.isJsonNull() ? null : request;
  }

  private JsonElement work(JsonObject todo, Attempt attempt, String path) throws InterruptedException {
    if (todo.has("checkpoint")) {
      attempt.saveCheckpoint(todo.get("checkpoint").getAsString().getBytes(StandardCharsets.UTF_8));
    }
    if (todo.has("effect") && todo.get("effect").getAsBoolean()) {
      report.countEffect(key);
    }
    if (todo.has("takes_ms")) {
      Thread.sleep(todo.get("takes_ms").getAsLong());
    }
    if (todo.has("waits_for_stop")) {
      waitForStop(attempt);
    }
    if (todo.has("during")) {
      carryOut(todo.getAsJsonArray("during"), path + "/during");
    }
    if (todo.has("throws")) {
      throw failure(todo);
    }
    return todo.has("returns") ? todo.get("returns") : JsonNull.INSTANCE;
  }

  /** The thread is interrupted, which takes the flag away: what follows must be able to wait. */
  private static void waitForStop(Attempt attempt) {
    try {
      Thread.sleep(STOP_MS_MAX);
    } catch (InterruptedException e) {
      if (!attempt.isStopped()) {
        throw new IllegalStateException("interrupted before the lease could be lost", e);
      }
    }
  }

  private static RuntimeException failure(JsonObject todo) {
    String message = todo.get("message").getAsString();
    long delayMs = todo.has("retry_after_ms") ? todo.get("retry_after_ms").getAsLong() : 0;
    return switch (todo.get("throws").getAsString()) {
      case "final" -> new FinalError(todo.get("code").getAsString(), message);
      case "retryable" -> new RetryableError(message, Duration.ofMillis(delayMs), null);
      case "unknown" -> new UnknownOutcomeError(message);
      default -> new IllegalStateException(message);
    };
  }
}
