package dev.onced;

import static dev.onced.FingerprintException.Reason.INVALID_KEY;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** Keys of the steps of one operation, made of the operation's own key. */
public final class DerivedKeys {
  private static final int KEY_BYTES_MAX = 512;

  /** Names what is hashed, so that the digest can never be one that something else made. */
  private static final String DOMAIN = "onced-derive-key-v1";

  private DerivedKeys() {}

  /**
   * The key of one step: the same for the same two arguments in every release and language, different for any other pair.
   * 45 characters of {@code A-Z a-z 0-9 - _}, so that payment providers take it as an idempotency key too. {@code
   * derive("order-17", "charge")} and {@code derive("order-17", "mail")} let one order do each step once.
   *
   * @throws FingerprintException for a key or step that Onced would refuse as a key
   */
  public static String derive(String key, String step) {
    check("key", key);
    check("step", step);
    // Neither holds a NUL, so no other pair gives the same bytes.
    byte[] bytes = (DOMAIN + "\0" + key + "\0" + step).getBytes(StandardCharsets.UTF_8);
    return "d1" + Base64.getUrlEncoder().withoutPadding().encodeToString(Fingerprints.sha256(bytes));
  }

  private static void check(String name, String value) {
    int bytes = utf8(name, value).remaining();
    if (bytes > KEY_BYTES_MAX) {
      refuse(name + " has " + bytes + " bytes of UTF-8; at most " + KEY_BYTES_MAX + " are allowed");
    }
    if (value.codePoints().anyMatch(Character::isISOControl)) {
      refuse(name + " holds a control character");
    }
    if (value.codePoints().allMatch(DerivedKeys::isBlank)) {
      refuse(name + " is empty or blank: it would be shared by all who forgot theirs");
    }
  }

  private static ByteBuffer utf8(String name, String value) {
    try {
      return StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(value));
    } catch (CharacterCodingException e) {
      throw new FingerprintException(INVALID_KEY, name + " holds half of a surrogate pair", e);
    }
  }

  /** What all clients take for a blank: white space, no-break spaces and the zero-width no-break space. */
  private static boolean isBlank(int character) {
    return Character.isWhitespace(character) || Character.isSpaceChar(character) || character == 0xfeff;
  }

  private static void refuse(String why) {
    throw new FingerprintException(INVALID_KEY, why);
  }
}
