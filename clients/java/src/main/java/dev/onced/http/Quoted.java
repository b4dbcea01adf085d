package dev.onced.http;

import dev.onced.Json;

/** A text as a JSON string. */
final class Quoted {
  private Quoted() {}

  static String of(String text) {
    return Json.gson().write(text);
  }
}
