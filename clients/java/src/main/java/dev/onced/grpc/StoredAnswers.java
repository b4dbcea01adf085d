package dev.onced.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.util.JsonFormat;
import dev.onced.FinalError;
import dev.onced.Fingerprints;
import dev.onced.Json;
import dev.onced.Result;
import dev.onced.RunException;
import dev.onced.v1.Fingerprint;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;

/** Responses are stored as their bytes, a failed call's status as the bytes of google.rpc.Status. */
final class StoredAnswers {
  private static final String RESPONSE_TYPE = "application/grpc+proto";
  private static final String STATUS_TYPE = "application/protobuf; proto=google.rpc.Status";
  private static final int DETAIL_BYTES_MAX = 4 << 10;
  private static final int MESSAGE_LENGTH_MAX = 256;

  private StoredAnswers() {}

  static <R> Result of(MethodDescriptor<?, R> method, R message) {
    try (InputStream bytes = method.streamResponse(message)) {
      return Result.of(ByteString.readFrom(bytes), RESPONSE_TYPE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The stored bytes as a message. Written again they are the same, since maps keep the order in which they were read. */
  static <R> R message(MethodDescriptor<?, R> method, Result result) {
    if (!result.contentType().equals(RESPONSE_TYPE)) {
      String what = "the outcome of this key is " + result.contentType() + ", not a response";
      throw Status.INTERNAL.withDescription(what).asRuntimeException();
    }
    return method.parseResponse(result.data().newInput());
  }

  /** Details beyond the server's limit are left out, for the first caller too. */
  static FinalError of(HeldCall.Closed closed) {
    com.google.rpc.Status whole = StatusProto.fromStatusAndTrailers(closed.status(), closed.trailers());
    if (whole.getSerializedSize() > DETAIL_BYTES_MAX) {
      String message = whole.getMessage();
      whole = com.google.rpc.Status.newBuilder()
          .setCode(whole.getCode())
          .setMessage(message.substring(0, Math.min(message.length(), MESSAGE_LENGTH_MAX)))
          .build();
    }
    FinalError error = new FinalError(closed.status().getCode().name(), whole.getMessage());
    error.withDetail(whole.toByteArray(), STATUS_TYPE);
    return error;
  }

  static StatusRuntimeException status(RunException.FailedForGood failed) {
    if (failed.error().getContentType().equals(STATUS_TYPE)) {
      try {
        return StatusProto.toStatusRuntimeException(com.google.rpc.Status.parseFrom(failed.error().getDetail()));
      } catch (InvalidProtocolBufferException e) {
        // Not of our making: told as any other failure.
      }
    }
    String what = "this key failed for good: " + failed.error().getMessage();
    return Status.FAILED_PRECONDITION.withDescription(what).asRuntimeException(new Metadata());
  }

  /**
   * Covers the method and the request as protobuf's own JSON, since its binary form is not the same in every language and
   * release.
   */
  static Fingerprint fingerprint(String fullMethod, Message request, List<String> exclude)
      throws InvalidProtocolBufferException {
    String json = JsonFormat.printer().omittingInsignificantWhitespace().print(request);
    String envelope = "{\"method\":" + Json.gson().write("/" + fullMethod) + ",\"request\":" + json + "}";
    return Fingerprints.ofJsonText(envelope, exclude.stream().map(part -> "/request" + part).toArray(String[]::new));
  }
}
