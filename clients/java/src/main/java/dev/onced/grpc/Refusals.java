package dev.onced.grpc;

import com.google.protobuf.Any;
import com.google.protobuf.Duration;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.onced.OncedException;
import dev.onced.RunException;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;

/**
 * Answers calls whose method did not run. They carry an ErrorInfo of a domain of their own, so that callers can tell them
 * from errors of the method itself. Nothing of the stored request is ever told.
 */
final class Refusals {
  private static final String DOMAIN = "idempotency.onced.v1";

  private Refusals() {}

  static StatusRuntimeException keyMissing() {
    return refusal(Status.Code.INVALID_ARGUMENT, "KEY_MISSING", "this method needs an idempotency-key");
  }

  static StatusRuntimeException keyMalformed() {
    String rule = "an idempotency-key is one value of 1 to 255 visible bytes";
    return refusal(Status.Code.INVALID_ARGUMENT, "KEY_MALFORMED", rule);
  }

  static StatusRuntimeException nobody() {
    String rule = "an idempotency key needs an authenticated caller";
    return refusal(Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED", rule);
  }

  static StatusRuntimeException noFingerprint(Exception cause) {
    return refusal(Status.Code.INVALID_ARGUMENT, "NO_FINGERPRINT", String.valueOf(cause.getMessage()));
  }

  static StatusRuntimeException notProtobuf() {
    return refusal(Status.Code.INTERNAL, "NOT_PROTOBUF", "only protobuf messages can be made idempotent");
  }

  static StatusRuntimeException of(Exception reason) {
    if (reason instanceof RunException.StillInProgress busy) {
      return later("IN_PROGRESS", "the first call with this key is still running", busy.retryAfter());
    } else if (reason instanceof RunException.NotYet later) {
      return later("RETRY_LATER", "the call may be tried again later, with the same key", later.retryAfter());
    } else if (reason instanceof OncedException.KeyReused) {
      String rule = "this key stands for another request; use a new key for a new request";
      return refusal(Status.Code.FAILED_PRECONDITION, "KEY_REUSED", rule);
    } else if (reason instanceof RunException.IsOrphaned) {
      String what = "nobody knows whether the first call took effect; somebody is to look into it";
      return refusal(Status.Code.ABORTED, "OUTCOME_UNKNOWN", what);
    } else if (reason instanceof RunException.ResultDropped) {
      String what = "the call was carried out; its response is past its retention";
      return refusal(Status.Code.DATA_LOSS, "RESPONSE_NOT_KEPT", what);
    } else if (reason instanceof RunException.NotRecorded) {
      String what = "the call was carried out, but its outcome is not recorded yet";
      return refusal(Status.Code.UNAVAILABLE, "NOT_RECORDED", what);
    } else if (reason instanceof OncedException failure && failure.facts().code() == Status.Code.CANCELLED) {
      return Status.CANCELLED.asRuntimeException();
    } else if (reason instanceof OncedException failure && failure.isTemporary()) {
      return later("UNAVAILABLE", "nothing was done; try again with the same key", failure.facts().retryAfter());
    }
    return refusal(Status.Code.INTERNAL, "REFUSED", "the idempotency service refused the call");
  }

  static StatusRuntimeException exhausted() {
    return refusal(Status.Code.FAILED_PRECONDITION, "ATTEMPTS_EXHAUSTED", "this key has used up its attempts");
  }

  private static StatusRuntimeException later(String reason, String message, java.time.Duration after) {
    Duration delay = Duration.newBuilder().setSeconds(after.getSeconds()).setNanos(after.getNano()).build();
    RetryInfo retry = RetryInfo.newBuilder().setRetryDelay(delay).build();
    return StatusProto.toStatusRuntimeException(
        status(Status.Code.UNAVAILABLE, reason, message).addDetails(Any.pack(retry)).build());
  }

  private static StatusRuntimeException refusal(Status.Code code, String reason, String message) {
    return StatusProto.toStatusRuntimeException(status(code, reason, message).build());
  }

  private static com.google.rpc.Status.Builder status(Status.Code code, String reason, String message) {
    ErrorInfo info = ErrorInfo.newBuilder().setReason(reason).setDomain(DOMAIN).build();
    return com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage(message).addDetails(Any.pack(info));
  }
}
