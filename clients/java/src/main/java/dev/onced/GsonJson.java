package dev.onced;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.lang.reflect.Type;

/** The default {@link Json}. */
final class GsonJson implements Json {
  static final GsonJson INSTANCE = new GsonJson();

  private final Gson gson = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

  private GsonJson() {}

  @Override
  public String write(Object value) {
    return gson.toJson(value);
  }

  @Override
  public Object read(String json, Type type) {
    return gson.fromJson(json, type);
  }
}
