package dev.onced;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.gson.JsonObject;
import dev.onced.FingerprintException.Reason;
import dev.onced.v1.Fingerprint;
import java.io.IOException;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

class FingerprintsTest {
  record Order(int amount, String currency, String sentAt) {}

  @TestFactory
  Stream<DynamicTest> jsonFingerprintsAreThoseOfEveryLanguage() throws IOException {
    return Vectors.cases("fingerprints.json", "json", FingerprintsTest::checkJson);
  }

  @TestFactory
  Stream<DynamicTest> byteFingerprintsAreThoseOfEveryLanguage() throws IOException {
    return Vectors.cases("fingerprints.json", "bytes", test -> {
      Fingerprint fingerprint = Fingerprints.ofBytes(HexFormat.of().parseHex(test.get("hex").getAsString()));
      assertEquals(Fingerprints.BYTES_SCHEME, fingerprint.getScheme());
      assertEquals(test.get("digest").getAsString(), hex(fingerprint));
    });
  }

  @TestFactory
  Stream<DynamicTest> derivedKeysAreThoseOfEveryLanguage() throws IOException {
    return Vectors.cases("fingerprints.json", "keys", test -> {
      String key = test.get("key").getAsString();
      String step = test.get("step").getAsString();
      if (test.has("refused")) {
        assertRefused(test.get("refused").getAsString(), () -> DerivedKeys.derive(key, step));
      } else {
        assertEquals(test.get("derived").getAsString(), DerivedKeys.derive(key, step));
      }
    });
  }

  private static void checkJson(JsonObject test) {
    byte[] text = Vectors.bytes(test, "json_hex", "json");
    String[] exclude = Vectors.texts(test, "exclude").toArray(String[]::new);
    if (test.has("refused")) {
      assertRefused(test.get("refused").getAsString(), () -> Fingerprints.ofJsonText(text, exclude));
      return;
    }
    assertEquals(test.get("canonical").getAsString(), Fingerprints.canonicalJson(text, exclude));
    Fingerprint fingerprint = Fingerprints.ofJsonText(text, exclude);
    assertEquals(Fingerprints.JSON_SCHEME, fingerprint.getScheme());
    assertEquals(test.get("digest").getAsString(), hex(fingerprint));
  }

  @Test
  void javaValuesHaveTheFingerprintOfTheirJson() {
    Fingerprint fromText = Fingerprints.ofJsonText("{\"currency\":\"EUR\",\"amount\":1e1}");
    assertEquals(fromText, Fingerprints.ofJson(new Order(10, "EUR", "now"), "/sentAt"));
    assertEquals(fromText, Fingerprints.ofJson(Map.of("currency", "EUR", "amount", new BigDecimal("10.0"))));
    assertEquals(Fingerprints.ofJsonText("[0.1,null]"), Fingerprints.ofJson(Arrays.asList(0.1f, null)));
  }

  @Test
  void javaValuesWithoutJsonAreRefused() {
    assertRefused("UNSUPPORTED_TYPE", () -> Fingerprints.ofJson(String.class));
    assertRefused("UNSUPPORTED_TYPE", () -> Fingerprints.ofJson(List.of(Double.NaN)));
    assertRefused("NUMBER_OUT_OF_RANGE", () -> Fingerprints.ofJson((1L << 53)));
    assertRefused("LONE_SURROGATE", () -> Fingerprints.ofJson("\ud800"));
  }

  @Test
  void numbersAreWrittenWithTheFewestDigitsThatAreReadAsThem() {
    long seed = new Random().nextLong();
    System.out.println("numbers seed " + seed);
    Random random = new Random(seed);
    for (int i = 0; i < 20_000; i++) {
      double number = Double.longBitsToDouble(random.nextLong());
      if (!(Math.abs(number) < 1L << 53)) {
        continue;
      }
      String written = EcmaScriptNumber.write(number);
      assertEquals(number, Double.parseDouble(written), written);
    }
    assertEquals("2e-44", EcmaScriptNumber.write(2.0E-44));
    assertEquals("5e-324", EcmaScriptNumber.write(Double.MIN_VALUE));
    assertEquals("0.000001", EcmaScriptNumber.write(1e-6));
    assertEquals("-1.5e-7", EcmaScriptNumber.write(-1.5e-7));
    assertEquals("2.2250738585072014e-308", EcmaScriptNumber.write(Double.MIN_NORMAL));
  }

  private static void assertRefused(String reason, org.junit.jupiter.api.function.Executable refused) {
    assertEquals(Reason.valueOf(reason), assertThrows(FingerprintException.class, refused).reason());
  }

  private static String hex(Fingerprint fingerprint) {
    return HexFormat.of().formatHex(fingerprint.getDigest().toByteArray());
  }
}
