package dev.onced.http;

import com.google.protobuf.ByteString;
import dev.onced.Result;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/**
 * A response is stored in the form that HTTP itself gives it: status line, headers, an empty line, the body. So every
 * client reads it, and a person too. The rules are in clients/vectors/README.md.
 */
final class StoredResponse {
  private static final String TYPE = "message/http";
  private static final String STATUS_LABEL = "http.status";
  private static final String BODY_LABEL = "http.body"; // "not-kept" for a body over the limit
  private static final ByteString HEAD_END = ByteString.copyFromUtf8("\r\n\r\n");

  private StoredResponse() {}

  /** Keeps the headers of the allow-list only. */
  static Result of(HeldResponse response, List<String> allowed) {
    ByteString head = head(response, allowed);
    String status = String.valueOf(response.getStatus());
    return response.isPassing()
        ? Result.of(head, TYPE).withLabels(Map.of(STATUS_LABEL, status, BODY_LABEL, "not-kept"))
        : Result.of(head.concat(ByteString.copyFrom(response.body())), TYPE).withLabels(Map.of(STATUS_LABEL, status));
  }

  private static ByteString head(HttpServletResponse response, List<String> allowed) {
    int status = response.getStatus();
    StringBuilder head = new StringBuilder("HTTP/1.1 " + status + " \r\n");
    TreeSet<String> names = new TreeSet<>();
    allowed.forEach(name -> names.add(name.toLowerCase(Locale.ROOT)));
    for (String name : names) {
      for (String value : response.getHeaders(name)) {
        head.append(name).append(": ").append(value.replaceAll("[\r\n]", " ")).append("\r\n");
      }
    }
    head.append("\r\n");
    return ByteString.copyFromUtf8(head.toString());
  }

  /** Answers with what {@link #of} made, in any language. */
  static void replay(Result result, HttpServletResponse response) throws IOException {
    if ("not-kept".equals(result.labels().get(BODY_LABEL))) {
      String status = result.labels().get(STATUS_LABEL);
      Problem.NOT_KEPT.write(response, "it was answered " + status + " before; that response is not kept");
      return;
    }
    int headEnd = indexOf(result.data(), HEAD_END);
    if (!result.contentType().equals(TYPE) || headEnd < 0) {
      Problem.REFUSED.write(response, "the outcome of this key is " + result.contentType() + ", not a response");
      return;
    }
    String[] lines = result.data().substring(0, headEnd).toString(StandardCharsets.UTF_8).split("\r\n");
    response.setStatus(Integer.parseInt(lines[0].split(" ", 3)[1]));
    for (int i = 1; i < lines.length; i++) {
      int colon = lines[i].indexOf(':');
      response.addHeader(lines[i].substring(0, colon), lines[i].substring(colon + 1).trim());
    }
    writeBody(response, result.data().substring(headEnd + HEAD_END.size()).toByteArray());
  }

  /** The same for a response and its replay. */
  static void writeBody(HttpServletResponse response, byte[] body) throws IOException {
    if (body.length > 0) {
      response.setContentLength(body.length);
      response.getOutputStream().write(body);
    }
  }

  private static int indexOf(ByteString data, ByteString part) {
    for (int i = 0; i + part.size() <= data.size(); i++) {
      if (data.substring(i, i + part.size()).equals(part)) {
        return i;
      }
    }
    return -1;
  }
}
