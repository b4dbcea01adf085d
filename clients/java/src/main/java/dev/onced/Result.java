package dev.onced;

import com.google.protobuf.ByteString;
import dev.onced.v1.Completed;
import java.time.Instant;
import java.util.Map;

/**
 * An outcome as it is stored.
 *
 * @param data replayed byte for byte
 * @param contentType its media type, or empty
 * @param contentEncoding its encoding, such as gzip, or empty
 * @param labels replayed with it, such as an HTTP status; up to 16, names 1 to 64 bytes, values up to 256 bytes
 * @param isReplayed the work was done earlier, it did not run now
 * @param expireTime from when on the key counts as never seen; null before it is stored
 */
public record Result(
    ByteString data,
    String contentType,
    String contentEncoding,
    Map<String, String> labels,
    boolean isReplayed,
    Instant expireTime) {

  /** A result to store. */
  public static Result of(ByteString data, String contentType) {
    return new Result(data, contentType, "", Map.of(), false, null);
  }

  /** The same with labels. */
  public Result withLabels(Map<String, String> labels) {
    return new Result(data, contentType, contentEncoding, Map.copyOf(labels), isReplayed, expireTime);
  }

  /** The same with an encoding. */
  public Result withContentEncoding(String contentEncoding) {
    return new Result(data, contentType, contentEncoding, labels, isReplayed, expireTime);
  }

  Result stored(Instant expireTime) {
    return new Result(data, contentType, contentEncoding, labels, isReplayed, expireTime);
  }

  static Result replayed(Completed completed) {
    return new Result(
        completed.getResult(),
        completed.getContentType(),
        completed.getContentEncoding(),
        completed.getLabelsMap(),
        true,
        Durations.of(completed.getExpireTime()));
  }
}
