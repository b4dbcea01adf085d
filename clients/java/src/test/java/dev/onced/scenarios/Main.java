package dev.onced.scenarios;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.onced.OncedClient;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Carries out clients/vectors/scenarios.json with this client and prints what happened. The vectors' README.md says how it is
 * started.
 */
public final class Main {
  private static final int AT_ONCE = 8;

  private final JsonObject asked;
  private final Report report = new Report();
  private final ExecutorService lines = Executors.newFixedThreadPool(AT_ONCE);
  private final HttpClient http = HttpClient.newHttpClient();

  private Main(JsonObject asked) {
    this.asked = asked;
  }

  public static void main(String[] arguments) throws Exception {
    new Main(JsonParser.parseString(arguments[arguments.length - 1]).getAsJsonObject()).run();
    System.exit(0);
  }

  private void run() throws Exception {
    String text = Files.readString(Path.of(text("scenarios")));
    JsonArray scenarios = JsonParser.parseString(text).getAsJsonObject().getAsJsonArray("scenarios");
    try (OncedClient straight = OncedClient.connect(text("server"))) {
      if (text("phase").equals("run")) {
        try (OncedClient client = OncedClient.connect(text("proxy"))) {
          for (JsonElement scenario : scenarios) {
            runOne(scenario.getAsJsonObject(), client, straight);
          }
        }
      } else {
        for (JsonElement owner : asked.getAsJsonArray("owners")) {
          for (JsonElement scenario : scenarios) {
            forEachKey(scenario.getAsJsonObject(), owner.getAsString(), straight, straight, "replay");
          }
        }
      }
    }
    System.out.println(new GsonBuilder().serializeNulls().create().toJson(report.toJson()));
  }

  private void runOne(JsonObject scenario, OncedClient client, OncedClient straight) throws Exception {
    setFaults(scenario.has("faults") ? scenario.get("faults").toString() : "[]");
    forEachKey(scenario, text("name"), client, straight, "steps");
    setFaults("[]");
  }

  private void setFaults(String faults) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(text("control"))).POST(HttpRequest.BodyPublishers.ofString(faults)).build();
    http.send(request, HttpResponse.BodyHandlers.discarding());
  }

  private void forEachKey(JsonObject scenario, String owner, OncedClient client, OncedClient straight, String part)
      throws Exception {
    if (!scenario.has(part)) {
      return;
    }
    String namespace = text("namespace") + (scenario.has("namespace") ? "/" + scenario.get("namespace").getAsString() : "");
    String key = owner + "/" + scenario.get("key").getAsString();
    int keys = scenario.has("keys") ? scenario.get("keys").getAsInt() : 1;
    List<Future<?>> all = new ArrayList<>();
    for (int i = 0; i < keys; i++) {
      String name = scenario.has("keys") ? key + "-" + i : key;
      Steps steps = new Steps(scenario, namespace, name, client, straight, report);
      all.add(lines.submit(() -> {
        steps.carryOut(scenario.getAsJsonArray(part), part);
        return null;
      }));
    }
    for (Future<?> one : all) {
      one.get();
    }
  }

  private String text(String name) {
    return asked.get(name).getAsString();
  }
}
