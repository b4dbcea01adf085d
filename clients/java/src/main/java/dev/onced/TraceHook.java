package dev.onced;

import java.util.Map;

/** Told of every call and every run, for a tracer. */
@FunctionalInterface
public interface TraceHook {
  /** Begins a span. The attributes never contain a key, a payload or a token. */
  Span start(String name, Map<String, String> attributes);

  /** One call or run. */
  @FunctionalInterface
  interface Span {
    /** It is over; error is null when it went well. May be called on another thread. */
    void end(Throwable error);
  }
}
