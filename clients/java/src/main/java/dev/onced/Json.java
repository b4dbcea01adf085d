package dev.onced;

import java.lang.reflect.Type;

/**
 * How Java values become JSON and are read back. The one of a client makes fingerprints of requests and stores results;
 * give your own with {@link OncedClientBuilder#json} to use the library and annotations that your program uses.
 */
public interface Json {
  /** The JSON of a value. Throws a RuntimeException for what has none. */
  String write(Object value);

  /** A value of this type. Throws a RuntimeException for JSON that does not fit. */
  Object read(String json, Type type);

  /** Gson, with members that are null written as such. */
  static Json gson() {
    return GsonJson.INSTANCE;
  }
}
