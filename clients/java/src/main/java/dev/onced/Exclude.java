package dev.onced;

import static dev.onced.FingerprintException.Reason.INVALID_EXCLUDE;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Segments of an exclude pointer that are still to match; what matches the last one is left out of the fingerprint. */
record Exclude(List<String> segments) {
  private static final Pattern WRONG_ESCAPE = Pattern.compile("~(?![01])");

  /** Reads RFC 6901, in which the whole document cannot be excluded. */
  static Exclude parse(String pointer) {
    if (!pointer.startsWith("/") || WRONG_ESCAPE.matcher(pointer).find()) {
      String form = "a JSON pointer: \"/\" before each segment, \"~0\" for \"~\" and \"~1\" for \"/\"";
      throw new FingerprintException(INVALID_EXCLUDE, "exclude \"" + pointer + "\" is not " + form);
    }
    String[] segments = pointer.substring(1).split("/", -1);
    return new Exclude(Stream.of(segments).map(part -> part.replace("~1", "/").replace("~0", "~")).toList());
  }

  /** What is left to match below a member or element; null when it is excluded itself. */
  static List<Exclude> below(List<Exclude> excludes, String segment) {
    List<Exclude> below = new ArrayList<>();
    for (Exclude exclude : excludes) {
      String first = exclude.segments.get(0);
      if (!first.equals(segment) && !first.equals("*")) {
        continue;
      }
      if (exclude.segments.size() == 1) {
        return null;
      }
      below.add(new Exclude(exclude.segments.subList(1, exclude.segments.size())));
    }
    return below;
  }
}
