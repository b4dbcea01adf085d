package dev.onced;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Numbers as ECMAScript writes them, which is the rule of RFC 8785. For magnitudes below 1e21. */
final class EcmaScriptNumber {
  private EcmaScriptNumber() {}

  static String write(double number) {
    if (number == Math.rint(number)) {
      return String.valueOf((long) number); // also for -0
    }
    BigDecimal shortest = shortest(number).stripTrailingZeros();
    if (Math.abs(number) >= 1e-6) {
      return shortest.toPlainString();
    }
    String digits = shortest.unscaledValue().abs().toString();
    int exponent = digits.length() - 1 - shortest.scale();
    String fraction = digits.length() == 1 ? "" : "." + digits.substring(1);
    return (number < 0 ? "-" : "") + digits.charAt(0) + fraction + "e" + exponent;
  }

  /**
   * The fewest digits that are read as this number, and of those the closest to it. Double.toString gives too many for
   * some numbers before Java 19.
   */
  private static BigDecimal shortest(double number) {
    BigDecimal exact = new BigDecimal(number);
    BigDecimal found = new BigDecimal(Double.toString(number));
    for (int digits = found.precision(); digits > 0; digits--) {
      BigDecimal shorter = rounded(exact, number, digits);
      if (shorter == null) {
        return found;
      }
      found = shorter;
    }
    return found;
  }

  /** At a power of two the closest decimal may be read as the number below, while the next one up is not. */
  private static BigDecimal rounded(BigDecimal exact, double number, int digits) {
    for (RoundingMode mode : new RoundingMode[] {RoundingMode.HALF_EVEN, RoundingMode.UP, RoundingMode.DOWN}) {
      BigDecimal candidate = exact.round(new MathContext(digits, mode));
      if (candidate.doubleValue() == number) {
        return candidate;
      }
    }
    return null;
  }
}
