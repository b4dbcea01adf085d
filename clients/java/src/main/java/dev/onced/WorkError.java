package dev.onced;

import dev.onced.v1.FailKind;
import dev.onced.v1.IntentError;
import com.google.protobuf.ByteString;
import java.time.Duration;

/** What work throws to say what its failure means for the key: one of the three subclasses. */
public abstract sealed class WorkError extends RuntimeException
    permits FinalError, RetryableError, UnknownOutcomeError {
  private static final long serialVersionUID = 1L;

  private final String code;
  private transient ByteString detail = ByteString.EMPTY;
  private String contentType = "";

  WorkError(String code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /** Adds up to 4 KiB that are replayed byte for byte. */
  public final WorkError withDetail(byte[] detail, String contentType) {
    this.detail = ByteString.copyFrom(detail);
    this.contentType = contentType;
    return this;
  }

  /** For programs. 1 to 128 bytes. */
  public final String code() {
    return code;
  }

  abstract FailKind kind();

  /** Zero unless the next attempt is delayed. */
  Duration retryAfter() {
    return Duration.ZERO;
  }

  final IntentError intentError() {
    return IntentError.newBuilder()
        .setCode(Texts.cut(code, Limits.ERROR_CODE_BYTES_MAX))
        .setMessage(Texts.cut(String.valueOf(getMessage()), Limits.ERROR_MESSAGE_BYTES_MAX))
        .setDetail(detail)
        .setContentType(contentType)
        .build();
  }
}
