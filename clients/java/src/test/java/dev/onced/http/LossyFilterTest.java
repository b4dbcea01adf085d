package dev.onced.http;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.onced.OncedClient;
import dev.onced.Repeats;
import dev.onced.TestProxy;
import dev.onced.TestServer;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(180)
class LossyFilterTest {
  private static final Set<String> OWN_HEADERS = Set.of("date", "server", "connection", "idempotency-replayed");

  private final HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
  private final AtomicInteger number = new AtomicInteger();
  private final Repeats repeats = new Repeats();

  @Test
  void aThousandRequestsSentSixTimesOverALossyNetworkTakeEffectOnce() throws Exception {
    try (OncedClient client = OncedClient.connect(TestServer.address());
        TestWeb web = new TestWeb(
            IdempotencyFilter.builder(client, TestServer.namespace(), request -> "acme").build(), this::charge);
        TestProxy proxy = new TestProxy(web.address())) {
      proxy.loseReplies(0.3);
      assertAll(() -> repeats.sendEachSixTimes(() -> key -> send(proxy.address(), key)), repeats::assertOneEffectEach);
      double share = 1 - (double) repeats.delivered() / repeats.sent();
      assertTrue(share > 0.25, "only " + share + " of the replies were lost");
    }
  }

  /** Its number shows whether it ran again. */
  private void charge(HttpServletRequest request, HttpServletResponse response) throws IOException {
    repeats.effect(request.getHeader("Idempotency-Key"));
    response.setStatus(201);
    response.setContentType("application/json");
    response.getWriter().print("{\"number\":" + number.incrementAndGet() + "}");
  }

  /** Body and headers, but for those that belong to each reply. Null when it was lost. */
  private byte[] send(String address, String key) {
    HttpRequest request = HttpRequest.newBuilder(URI.create("http://" + address + "/charges"))
        .POST(HttpRequest.BodyPublishers.ofString("{\"order\":\"" + key + "\"}"))
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", key)
        .timeout(Duration.ofSeconds(30))
        .build();
    try {
      HttpResponse<byte[]> response = http.send(request, HttpResponse.BodyHandlers.ofByteArray());
      String body = new String(response.body(), StandardCharsets.UTF_8);
      assertEquals(201, response.statusCode(), body);
      Map<String, List<String>> headers = new TreeMap<>(response.headers().map());
      headers.keySet().removeIf(OWN_HEADERS::contains);
      return (headers + body).getBytes(StandardCharsets.UTF_8);
    } catch (IOException e) {
      return null;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
