package dev.onced;

import java.util.Map;

/** Receives what goes wrong and was dealt with: retries, lost leases, outcomes that could not be recorded. */
@FunctionalInterface
public interface LogHook {
  /**
   * Never given a key or a payload; key_hash is what the server's log shows of a key.
   *
   * @param error may be null
   */
  void log(System.Logger.Level level, String message, Map<String, ?> fields, Throwable error);
}
