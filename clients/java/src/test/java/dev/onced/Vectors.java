package dev.onced;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.DynamicTest;

/** The files of clients/vectors. */
public final class Vectors {
  private Vectors() {}

  /** One case. */
  public interface Check {
    void run(JsonObject test) throws Exception;
  }

  /** A test for each case of a list. */
  public static Stream<DynamicTest> cases(String file, String list, Check check) throws IOException {
    JsonObject vectors = JsonParser.parseString(Files.readString(Path.of("../vectors", file))).getAsJsonObject();
    return StreamSupport.stream(vectors.getAsJsonArray(list).spliterator(), false)
        .map(JsonElement::getAsJsonObject)
        .map(test -> DynamicTest.dynamicTest(test.get("name").getAsString(), () -> check.run(test)));
  }

  /** A list of texts; empty when it is absent. */
  public static List<String> texts(JsonObject test, String name) {
    if (!test.has(name)) {
      return List.of();
    }
    return StreamSupport.stream(test.getAsJsonArray(name).spliterator(), false).map(JsonElement::getAsString).toList();
  }

  /** Bytes that are given as hexadecimal digits, or else as a text. */
  public static byte[] bytes(JsonObject test, String hexName, String textName) {
    return test.has(hexName)
        ? HexFormat.of().parseHex(test.get(hexName).getAsString())
        : test.get(textName).getAsString().getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }
}
