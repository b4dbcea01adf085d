package dev.onced;

import java.util.regex.Pattern;

/** Tells whether a target names this machine, so that plain text stays on it. */
final class Loopback {
  /** After any scheme and authority, and before any port. */
  private static final Pattern HOST = Pattern.compile("(?:localhost|127\\.\\d+\\.\\d+\\.\\d+|\\[::1])(?::\\d+)?");

  private Loopback() {}

  static boolean isLoopback(String target) {
    if (target.startsWith("unix:")) {
      return true;
    }
    String address = target.substring(target.lastIndexOf('/') + 1);
    return HOST.matcher(address.replaceFirst("^dns:", "")).matches();
  }
}
