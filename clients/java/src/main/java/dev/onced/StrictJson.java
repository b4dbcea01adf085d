package dev.onced;

import static dev.onced.FingerprintException.Reason.DUPLICATE_MEMBER;
import static dev.onced.FingerprintException.Reason.NOT_JSON;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * JSON text with nothing in it that two readers could understand differently. A value is null, Boolean, Double, String,
 * List or TreeMap, whose order is that of UTF-16 code units, as RFC 8785 asks.
 */
final class StrictJson {
  /** Far beyond what a fingerprint may hold: an excluded part may be deeper, and must not overflow the stack. */
  private static final int NESTING_MAX = 2_000;

  private final JsonReader reader;
  private FingerprintException duplicate;

  private StrictJson(String text) {
    reader = new JsonReader(new StringReader(text));
    reader.setStrictness(Strictness.STRICT);
    reader.setNestingLimit(NESTING_MAX);
  }

  static Object read(byte[] text) {
    try {
      // The decoder refuses what is not UTF-8, and keeps a byte order mark.
      return read(StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(text)).toString());
    } catch (CharacterCodingException e) {
      throw new FingerprintException(NOT_JSON, "the bytes are not UTF-8", e);
    }
  }

  static Object read(String text) {
    if (text.startsWith("\ufeff")) {
      throw new FingerprintException(NOT_JSON, "the text starts with a byte order mark");
    }
    try {
      return new StrictJson(text).document();
    } catch (IOException | IllegalStateException | NumberFormatException e) {
      throw new FingerprintException(NOT_JSON, "the text is not JSON", e);
    }
  }

  private Object document() throws IOException {
    Object value = value();
    if (reader.peek() != JsonToken.END_DOCUMENT) {
      throw new FingerprintException(NOT_JSON, "something follows the JSON");
    }
    if (duplicate != null) {
      throw duplicate;
    }
    return value;
  }

  private Object value() throws IOException {
    return switch (reader.peek()) {
      case NULL -> {
        reader.nextNull();
        yield null;
      }
      case BOOLEAN -> reader.nextBoolean();
      // Out of range is infinity, which the writer refuses.
      case NUMBER -> Double.parseDouble(reader.nextString());
      case STRING -> reader.nextString();
      case BEGIN_ARRAY -> array();
      case BEGIN_OBJECT -> object();
      default -> throw new FingerprintException(NOT_JSON, "unexpected " + reader.peek());
    };
  }

  private List<Object> array() throws IOException {
    List<Object> items = new ArrayList<>();
    reader.beginArray();
    while (reader.hasNext()) {
      items.add(value());
    }
    reader.endArray();
    return items;
  }

  private TreeMap<String, Object> object() throws IOException {
    TreeMap<String, Object> members = new TreeMap<>();
    reader.beginObject();
    while (reader.hasNext()) {
      String name = reader.nextName();
      if (members.containsKey(name) && duplicate == null) {
        duplicate = new FingerprintException(DUPLICATE_MEMBER, "\"" + name + "\" stands twice in one object");
      }
      members.put(name, value());
    }
    reader.endObject();
    return members;
  }
}
