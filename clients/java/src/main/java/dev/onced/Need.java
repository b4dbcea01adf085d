package dev.onced;

/** Whether a request that an adapter sees must carry a key. */
public enum Need {
  /** It passes as it is. */
  NEVER,
  /** Without a key it passes as it is. */
  OPTIONAL,
  /** Without a key it is refused. */
  REQUIRED
}
