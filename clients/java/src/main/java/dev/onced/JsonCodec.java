package dev.onced;

import com.google.protobuf.ByteString;
import java.lang.reflect.Type;

/** Results as JSON, by the client's {@link Json}. */
final class JsonCodec<T> implements Codec<T> {
  private final Json json;
  private final Type type;

  JsonCodec(Json json, Type type) {
    this.json = json;
    this.type = type;
  }

  @Override
  public Result encode(T value) {
    return Result.of(ByteString.copyFromUtf8(json.write(value)), "application/json");
  }

  @Override
  @SuppressWarnings("unchecked") // the type is that of T, by the client's methods
  public T decode(Result result) {
    String text = result.data().toStringUtf8();
    // Empty when it was stored by a language that has results without a value.
    return text.isEmpty() ? null : (T) json.read(text, type);
  }
}
