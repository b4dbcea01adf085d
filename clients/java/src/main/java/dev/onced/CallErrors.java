package dev.onced;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.onced.v1.ErrorReason;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

/** Reads the details of a gRPC error. */
final class CallErrors {
  private static final String DOMAIN = "onced.v1";
  private static final String REASON_PREFIX = "ERROR_REASON_";

  private boolean isOnced;
  private ErrorReason reason = ErrorReason.ERROR_REASON_UNSPECIFIED;
  private Map<String, String> metadata = Map.of();
  private Duration retryAfter = Duration.ZERO;
  private Map<String, String> fields = Map.of();

  private CallErrors() {}

  static OncedException exceptionOf(Throwable error) {
    Status status = Status.fromThrowable(error);
    CallErrors details = new CallErrors();
    com.google.rpc.Status whole = StatusProto.fromThrowable(error);
    if (whole != null) {
      whole.getDetailsList().forEach(details::read);
    }
    String message = status.getDescription() == null ? status.getCode().toString() : status.getDescription();
    Status.Code code = details.isOnced ? status.getCode() : meaningOf(status.getCode());
    OncedException.Facts facts = new OncedException.Facts(
        code, details.reason, message, details.metadata, details.retryAfter, details.fields);
    return exceptionOf(facts, error);
  }

  /**
   * Of a code that does not come from Onced, which gives a reason with every error. A connection that breaks is reported
   * with any of these ("UNKNOWN: channel closed" was seen); whether the call had an effect is not known.
   */
  private static Status.Code meaningOf(Status.Code code) {
    return switch (code) {
      case UNKNOWN, INTERNAL, CANCELLED, ABORTED -> Status.Code.UNAVAILABLE;
      default -> code;
    };
  }

  private void read(Any detail) {
    try {
      if (detail.is(ErrorInfo.class)) {
        read(detail.unpack(ErrorInfo.class));
      } else if (detail.is(RetryInfo.class)) {
        com.google.protobuf.Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
        retryAfter = Durations.of(delay);
      } else if (detail.is(BadRequest.class)) {
        fields = violations(detail.unpack(BadRequest.class));
      }
    } catch (InvalidProtocolBufferException e) {
      // Details of a form that this release does not know say nothing to it.
    }
  }

  private void read(ErrorInfo info) {
    if (!info.getDomain().equals(DOMAIN)) {
      return;
    }
    isOnced = true;
    metadata = Map.copyOf(info.getMetadataMap());
    try {
      reason = ErrorReason.valueOf(REASON_PREFIX + info.getReason());
    } catch (IllegalArgumentException e) {
      // A reason of a later release.
    }
  }

  private static Map<String, String> violations(BadRequest detail) {
    Map<String, String> fields = new LinkedHashMap<>();
    detail.getFieldViolationsList().forEach(violation -> fields.put(violation.getField(), violation.getDescription()));
    return fields;
  }

  private static OncedException exceptionOf(OncedException.Facts facts, Throwable cause) {
    return switch (facts.reason()) {
      case ERROR_REASON_INVALID_FIELD -> new OncedException.InvalidField(facts, cause);
      case ERROR_REASON_KEY_REUSED -> new OncedException.KeyReused(facts, cause);
      case ERROR_REASON_LEASE_LOST -> new OncedException.LeaseLost(facts, cause);
      case ERROR_REASON_ALREADY_SETTLED -> new OncedException.AlreadySettled(facts, cause);
      case ERROR_REASON_ATTEMPT_ENDED -> new OncedException.AttemptEnded(facts, cause);
      case ERROR_REASON_INTENT_NOT_FOUND -> new OncedException.IntentNotFound(facts, cause);
      case ERROR_REASON_NAMESPACE_NOT_FOUND -> new OncedException.NamespaceNotFound(facts, cause);
      case ERROR_REASON_KEY_NOT_ISSUED -> new OncedException.KeyNotIssued(facts, cause);
      case ERROR_REASON_QUOTA_EXCEEDED -> new OncedException.QuotaExceeded(facts, cause);
      case ERROR_REASON_OVERLOADED -> new OncedException.Overloaded(facts, cause);
      case ERROR_REASON_STORE_UNAVAILABLE -> new OncedException.StoreUnavailable(facts, cause);
      case ERROR_REASON_UNAUTHENTICATED -> new OncedException.Unauthenticated(facts, cause);
      case ERROR_REASON_PERMISSION_DENIED -> new OncedException.PermissionDenied(facts, cause);
      case ERROR_REASON_INTERNAL -> new OncedException.Internal(facts, cause);
      case ERROR_REASON_UNIMPLEMENTED -> new OncedException.Unimplemented(facts, cause);
      default -> new OncedException(facts, cause);
    };
  }
}
