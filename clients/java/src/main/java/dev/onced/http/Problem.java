package dev.onced.http;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A refusal by RFC 9457. Its type tells programs the reason. */
enum Problem {
  MISSING(400, "key-missing", "Idempotency key missing"),
  MALFORMED(400, "key-malformed", "Idempotency key malformed"),
  NOBODY(401, "unauthenticated", "Caller unknown"),
  TOO_LARGE(413, "too-large", "Request too large"),
  IN_PROGRESS(409, "in-progress", "Request in progress"),
  REUSED(422, "key-reused", "Idempotency key reused"),
  UNKNOWN(409, "outcome-unknown", "Outcome unknown"),
  NOT_KEPT(410, "response-not-kept", "Response not kept"),
  FAILED(409, "failed", "Request failed for good"),
  OUTAGE(503, "unavailable", "Idempotency unavailable"),
  REFUSED(500, "refused", "Idempotency misconfigured");

  private final int status;
  private final String type;
  private final String title;

  Problem(int status, String type, String title) {
    this.status = status;
    this.type = type;
    this.title = title;
  }

  void write(HttpServletResponse response, String detail) throws IOException {
    String json = "{\"type\":\"urn:onced:problem:" + type + "\",\"title\":" + Quoted.of(title) + ",\"status\":" + status
        + ",\"detail\":" + Quoted.of(detail) + "}";
    byte[] body = json.getBytes(StandardCharsets.UTF_8);
    response.setStatus(status);
    response.setContentType("application/problem+json");
    response.setContentLength(body.length);
    response.getOutputStream().write(body);
  }

  void write(HttpServletResponse response, Duration after, String detail) throws IOException {
    // The header has whole seconds: rounded up.
    response.setHeader("Retry-After", String.valueOf(Math.max(1, (after.toMillis() + 999) / 1000)));
    write(response, detail);
  }
}
