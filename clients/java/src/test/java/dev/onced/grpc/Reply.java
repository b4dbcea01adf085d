package dev.onced.grpc;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.protobuf.StatusProto;

/** All that a caller sees of an answer. */
record Reply(Status status, byte[] data, Metadata headers, Metadata trailers) {
  private static final Metadata.Key<String> REPLAYED =
      Metadata.Key.of("idempotency-replayed", Metadata.ASCII_STRING_MARSHALLER);

  boolean isReplayed() {
    return headers.containsKey(REPLAYED) || trailers.containsKey(REPLAYED);
  }

  boolean hasDetails() {
    return StatusProto.fromStatusAndTrailers(status, trailers).getDetailsCount() > 0;
  }

  String reason() throws InvalidProtocolBufferException {
    for (Any detail : StatusProto.fromStatusAndTrailers(status, trailers).getDetailsList()) {
      if (detail.is(ErrorInfo.class)) {
        return detail.unpack(ErrorInfo.class).getReason();
      }
    }
    return "";
  }
}
