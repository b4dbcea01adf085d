package dev.onced;

/** A request, an exclude pointer or a key to derive from is refused. Nothing was sent. */
public final class FingerprintException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /** Why, in the words of all clients: see clients/vectors/README.md. */
  public enum Reason {
    NOT_JSON,
    DUPLICATE_MEMBER,
    NUMBER_OUT_OF_RANGE,
    LONE_SURROGATE,
    TOO_DEEP,
    INVALID_EXCLUDE,
    INVALID_KEY,
    UNSUPPORTED_TYPE
  }

  private final Reason reason;

  FingerprintException(Reason reason, String message) {
    this(reason, message, null);
  }

  FingerprintException(Reason reason, String message, Throwable cause) {
    super(reason + ": " + message, cause);
    this.reason = reason;
  }

  public Reason reason() {
    return reason;
  }
}
