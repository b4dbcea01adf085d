package dev.onced;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.protobuf.Parser;

/** Writes results of type T to be stored, and reads them back for a replay. */
public interface Codec<T> {
  Result encode(T value);

  T decode(Result result);

  /** Bytes as they are. */
  static Codec<byte[]> bytes() {
    return new Codec<>() {
      @Override
      public Result encode(byte[] value) {
        return Result.of(ByteString.copyFrom(value), "application/octet-stream");
      }

      @Override
      public byte[] decode(Result result) {
        return result.data().toByteArray();
      }
    };
  }

  /** Protobuf messages in binary: {@code Codec.protobuf(Receipt.parser())}. */
  static <T extends Message> Codec<T> protobuf(Parser<T> parser) {
    return new Codec<>() {
      @Override
      public Result encode(T value) {
        return Result.of(value.toByteString(), "application/protobuf");
      }

      @Override
      public T decode(Result result) {
        try {
          return parser.parseFrom(result.data());
        } catch (InvalidProtocolBufferException e) {
          throw new IllegalStateException("the stored result is not such a message", e);
        }
      }
    };
  }
}
