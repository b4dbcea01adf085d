package dev.onced.http;

/** Whether a request must carry a key. */
public enum Need {
  /** It passes as it is. */
  NEVER,
  /** Without a key it passes as it is. */
  OPTIONAL,
  /** Without a key it is refused with 400. */
  REQUIRED
}
