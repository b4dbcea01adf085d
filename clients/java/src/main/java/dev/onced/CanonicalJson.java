package dev.onced;

import static dev.onced.FingerprintException.Reason.LONE_SURROGATE;
import static dev.onced.FingerprintException.Reason.NUMBER_OUT_OF_RANGE;
import static dev.onced.FingerprintException.Reason.TOO_DEEP;

import java.util.List;
import java.util.Map;

/** Writes a value of {@link StrictJson} by RFC 8785. */
final class CanonicalJson {
  /** Arrays and objects within one another. Deeper input is hostile, and some languages would overflow their stack. */
  private static final int DEPTH_MAX = 128;

  /** Beyond it two languages may read different numbers. */
  private static final double SAFE_INTEGER_MAX = (1L << 53) - 1;

  private final StringBuilder text = new StringBuilder();

  private CanonicalJson() {}

  static String write(Object value, List<Exclude> excludes) {
    CanonicalJson writer = new CanonicalJson();
    writer.value(value, new Place(excludes, "", 0));
    return writer.text.toString();
  }

  private record Place(List<Exclude> excludes, String path, int depth) {
    /** The place of a member or element; null when it is excluded. */
    Place step(String segment) {
      List<Exclude> below = Exclude.below(excludes, segment);
      return below == null ? null : new Place(below, path + "/" + segment, depth + 1);
    }
  }

  private void value(Object value, Place at) {
    if (value instanceof String string) {
      string(string, at);
    } else if (value instanceof Double number) {
      number(number, at);
    } else if (value instanceof List<?> items) {
      array(items, at);
    } else if (value instanceof Map<?, ?> members) {
      object(members, at);
    } else {
      text.append(value); // true, false or null
    }
  }

  private void array(List<?> items, Place at) {
    refuseDeep(at);
    text.append('[');
    boolean isFirst = true;
    for (int i = 0; i < items.size(); i++) {
      Place below = at.step(String.valueOf(i));
      if (below == null) {
        continue;
      }
      text.append(isFirst ? "" : ",");
      isFirst = false;
      value(items.get(i), below);
    }
    text.append(']');
  }

  private void object(Map<?, ?> members, Place at) {
    refuseDeep(at);
    text.append('{');
    boolean isFirst = true;
    for (Map.Entry<?, ?> member : members.entrySet()) {
      String name = (String) member.getKey();
      Place below = at.step(name);
      if (below == null) {
        continue;
      }
      text.append(isFirst ? "" : ",");
      isFirst = false;
      string(name, below);
      text.append(':');
      value(member.getValue(), below);
    }
    text.append('}');
  }

  private static void refuseDeep(Place at) {
    if (at.depth >= DEPTH_MAX) {
      throw new FingerprintException(TOO_DEEP, "more than " + DEPTH_MAX + " arrays and objects within one another");
    }
  }

  private void number(double number, Place at) {
    if (!(Math.abs(number) <= SAFE_INTEGER_MAX)) {
      String range = " is not a number of magnitude up to 2^53 - 1, which every language reads alike";
      throw new FingerprintException(
          NUMBER_OUT_OF_RANGE, number + " at \"" + at.path + "\"" + range + ": send it as a string");
    }
    text.append(EcmaScriptNumber.write(number));
  }

  private void string(String string, Place at) {
    text.append('"');
    for (int i = 0; i < string.length(); i++) {
      char unit = string.charAt(i);
      if (Character.isHighSurrogate(unit) && i + 1 < string.length() && Character.isLowSurrogate(string.charAt(i + 1))) {
        text.append(unit).append(string.charAt(++i));
      } else if (Character.isSurrogate(unit)) {
        throw new FingerprintException(LONE_SURROGATE, "text at \"" + at.path + "\" holds half of a surrogate pair");
      } else {
        unit(unit);
      }
    }
    text.append('"');
  }

  private void unit(char unit) {
    switch (unit) {
      case '"', '\\' -> text.append('\\').append(unit);
      case '\b' -> text.append("\\b");
      case '\f' -> text.append("\\f");
      case '\n' -> text.append("\\n");
      case '\r' -> text.append("\\r");
      case '\t' -> text.append("\\t");
      default -> text.append(unit < 0x20 ? String.format("\\u%04x", (int) unit) : unit);
    }
  }
}
