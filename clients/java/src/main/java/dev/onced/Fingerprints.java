package dev.onced;

import com.google.protobuf.ByteString;
import dev.onced.v1.Fingerprint;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.stream.Stream;

/**
 * Hashes of the request that a key stands for, the same in every language. The rules are in clients/vectors/README.md;
 * clients/vectors/fingerprints.json holds the cases that every client must reproduce.
 *
 * <p>An exclude list names parts that do not belong to the request's meaning, such as a time stamp that changes with every
 * retry: JSON pointers (RFC 6901) in which a segment {@code *} stands for every member or element.
 */
public final class Fingerprints {
  /** RFC 8785 canonical JSON, encoded as UTF-8, hashed with SHA-256. */
  public static final String JSON_SCHEME = "jcs-sha256-v1";

  /** The bytes as they are, hashed with SHA-256. */
  public static final String BYTES_SCHEME = "sha256-v1";

  private Fingerprints() {}

  /**
   * Of a value, as the JSON that Gson makes of it. Equal to that of {@link #ofJsonText(String, String...)}.
   *
   * @throws FingerprintException for what has no JSON that every language reads alike
   */
  public static Fingerprint ofJson(Object value, String... exclude) {
    return ofJson(Json.gson(), value, exclude);
  }

  static Fingerprint ofJson(Json json, Object value, String... exclude) {
    String text;
    try {
      text = json.write(value);
    } catch (RuntimeException | StackOverflowError e) {
      String type = value.getClass().getName();
      throw new FingerprintException(FingerprintException.Reason.UNSUPPORTED_TYPE, type + " has no JSON", e);
    }
    return ofJsonText(text, exclude);
  }

  /**
   * Of JSON that came as text, such as an HTTP body: equal to that of the parsed value.
   *
   * @throws FingerprintException also for duplicate members and invalid UTF-8, which a parsed value no longer shows
   */
  public static Fingerprint ofJsonText(byte[] text, String... exclude) {
    return ofCanonical(canonicalJson(text, exclude));
  }

  /** Of JSON that came as text. */
  public static Fingerprint ofJsonText(String text, String... exclude) {
    return ofCanonical(CanonicalJson.write(StrictJson.read(text), excludes(exclude)));
  }

  /** Of bytes as they are. For requests that are not JSON. */
  public static Fingerprint ofBytes(byte[] data) {
    return of(BYTES_SCHEME, data);
  }

  /** The text that {@link #ofJsonText(byte[], String...)} hashes. */
  public static String canonicalJson(byte[] text, String... exclude) {
    List<Exclude> excludes = excludes(exclude);
    return CanonicalJson.write(StrictJson.read(text), excludes);
  }

  private static List<Exclude> excludes(String... pointers) {
    return Stream.of(pointers).map(Exclude::parse).toList();
  }

  private static Fingerprint ofCanonical(String canonical) {
    return of(JSON_SCHEME, canonical.getBytes(StandardCharsets.UTF_8));
  }

  private static Fingerprint of(String scheme, byte[] data) {
    return Fingerprint.newBuilder().setScheme(scheme).setDigest(ByteString.copyFrom(sha256(data))).build();
  }

  static byte[] sha256(byte[] data) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(data);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
