package dev.onced.http;

import java.util.List;

/**
 * Reads a string of RFC 9651 ("8e03978e"), as the draft has it, or the same without quotes, as most clients send it: both
 * are the same key.
 */
final class KeyHeader {
  static final String RULE =
      "an idempotency key is one value of 1 to 255 visible ASCII characters, in double quotes or without any";

  private static final int LENGTH_MAX = 255;

  private KeyHeader() {}

  /** Null when it is malformed. */
  static String read(List<String> values) {
    if (values.size() != 1) {
      return null;
    }
    String value = trimmed(values.get(0));
    String key = value.startsWith("\"") ? unquoted(value) : bare(value);
    boolean isGood = key != null && !key.isBlank() && key.length() <= LENGTH_MAX
        && key.chars().allMatch(character -> character >= ' ' && character <= '~');
    return isGood ? key : null;
  }

  private static String trimmed(String value) {
    return value.replaceAll("^[ \\t]+|[ \\t]+$", "");
  }

  private static String bare(String value) {
    return value.chars().anyMatch(character -> "\",\\ ".indexOf(character) >= 0) ? null : value;
  }

  /** Nothing but a quote and a backslash may be escaped. */
  private static String unquoted(String value) {
    if (value.length() < 2 || !value.endsWith("\"")) {
      return null;
    }
    StringBuilder key = new StringBuilder();
    String inner = value.substring(1, value.length() - 1);
    for (int i = 0; i < inner.length(); i++) {
      char character = inner.charAt(i);
      if (character == '"') {
        return null;
      }
      if (character == '\\') {
        i++;
        if (i == inner.length() || "\"\\".indexOf(inner.charAt(i)) < 0) {
          return null;
        }
      }
      key.append(inner.charAt(i));
    }
    return key.toString();
  }
}
