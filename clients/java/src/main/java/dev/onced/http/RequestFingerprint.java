package dev.onced.http;

import dev.onced.FingerprintException;
import dev.onced.Fingerprints;
import dev.onced.v1.Fingerprint;
import jakarta.servlet.http.HttpServletRequest;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;

/**
 * Covers the method, the target and the body. A JSON body is compared as JSON; any other, and JSON of which there is no
 * fingerprint, byte for byte.
 */
final class RequestFingerprint {
  private RequestFingerprint() {}

  static Fingerprint of(HttpServletRequest request, byte[] body, List<String> exclude) {
    String query = request.getQueryString();
    String target = request.getRequestURI() + (query == null ? "" : "?" + query);
    if (isJson(request.getContentType())) {
      try {
        return ofJson(request.getMethod(), target, body, exclude);
      } catch (FingerprintException | CharacterCodingException e) {
        // Not JSON, or with numbers that languages read differently: its bytes are compared.
      }
    }
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes((request.getMethod() + " " + target + "\n").getBytes(StandardCharsets.UTF_8));
    bytes.writeBytes(body);
    return Fingerprints.ofBytes(bytes.toByteArray());
  }

  private static Fingerprint ofJson(String method, String target, byte[] body, List<String> exclude)
      throws CharacterCodingException {
    String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    Fingerprints.ofJsonText(text, "/*"); // a body that is no JSON by itself must not become some inside of ours
    String envelope = "{\"body\":" + text + ",\"method\":" + Quoted.of(method) + ",\"target\":" + Quoted.of(target) + "}";
    return Fingerprints.ofJsonText(envelope, exclude.stream().map(pointer -> "/body" + pointer).toArray(String[]::new));
  }

  private static boolean isJson(String contentType) {
    if (contentType == null) {
      return false;
    }
    String media = contentType.split(";", 2)[0].trim().toLowerCase(Locale.ROOT);
    return media.equals("application/json") || (media.contains("/") && media.endsWith("+json"));
  }
}
