package dev.onced.scenarios;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;

/** What is printed at the end. */
final class Report {
  private final JsonObject effects = new JsonObject();
  private final JsonArray outcomes = new JsonArray();

  synchronized void countEffect(String key) {
    int before = effects.has(key) ? effects.get(key).getAsInt() : 0;
    effects.addProperty(key, before + 1);
  }

  synchronized void add(String key, String path, JsonObject outcome) {
    outcome.addProperty("key", key);
    outcome.addProperty("path", path);
    outcomes.add(outcome);
  }

  synchronized JsonObject toJson() {
    JsonObject json = new JsonObject();
    json.add("effects", effects);
    json.add("outcomes", outcomes);
    return json;
  }
}
