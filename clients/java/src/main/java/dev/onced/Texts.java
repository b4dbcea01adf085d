package dev.onced;

import java.nio.charset.StandardCharsets;

/** Texts within the server's bounds. */
final class Texts {
  private Texts() {}

  /** The longest start of a text that fits, without half a character at its end; half a surrogate pair becomes "?". */
  static String cut(String text, int bytesMax) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (bytes.length <= bytesMax) {
      return new String(bytes, StandardCharsets.UTF_8);
    }
    int end = bytesMax;
    while (end > 0 && (bytes[end] & 0xc0) == 0x80) {
      end--;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8);
  }
}
