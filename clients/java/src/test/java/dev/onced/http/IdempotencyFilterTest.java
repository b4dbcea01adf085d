package dev.onced.http;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.onced.OncedClient;
import dev.onced.TestProxy;
import dev.onced.TestServer;
import dev.onced.Verdict;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class IdempotencyFilterTest {
  private final HttpClient http = HttpClient.newHttpClient();
  private final OncedClient client = OncedClient.connect(TestServer.address());
  private final AtomicInteger effects = new AtomicInteger();
  private final List<TestWeb> webs = new ArrayList<>();

  @AfterEach
  void close() throws Exception {
    for (TestWeb web : webs) {
      web.close();
    }
    client.close();
  }

  /** Serves a handler behind a filter; returns host:port. */
  private String serve(TestWeb.Handler handler) throws Exception {
    IdempotencyFilter filter = IdempotencyFilter.builder(
        client, TestServer.namespace(), request -> request.getHeader("Tenant")).build();
    return serve(filter, handler);
  }

  private String serve(IdempotencyFilter filter, TestWeb.Handler handler) throws Exception {
    TestWeb web = new TestWeb(filter, handler);
    webs.add(web);
    return web.address();
  }

  /** A handler with an effect: its number shows whether it ran again. */
  private void charge(HttpServletRequest request, HttpServletResponse response) throws IOException {
    int number = effects.incrementAndGet();
    String body = new String(request.getInputStream().readAllBytes());
    response.setStatus(201);
    response.setContentType("application/json");
    response.setHeader("Location", "/charges/" + number);
    response.setHeader("Set-Cookie", "session=secret");
    response.getWriter().print("{\"number\":" + number + ",\"bytes\":" + body.length() + "}");
  }

  private static HttpRequest.Builder request(String address, String method, String key, String body) {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://" + address + "/charges?live=1"))
        .method(method, HttpRequest.BodyPublishers.ofString(body))
        .header("Content-Type", "application/json")
        .timeout(Duration.ofSeconds(20))
        .setHeader("Tenant", "acme");
    return key == null ? request : request.header("Idempotency-Key", key);
  }

  private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
    return http.send(request.build(), HttpResponse.BodyHandlers.ofString());
  }

  private HttpResponse<String> post(String address, String key, String body) throws IOException, InterruptedException {
    return send(request(address, "POST", key, body));
  }

  private static String header(HttpResponse<?> response, String name) {
    return response.headers().firstValue(name).orElse("");
  }

  private static void assertProblem(int status, String type, HttpResponse<String> response) {
    assertEquals(status, response.statusCode(), response.body());
    assertTrue(response.body().contains("\"urn:onced:problem:" + type + "\""), response.body());
    assertEquals("application/problem+json", header(response, "Content-Type"));
  }

  @Test
  void aRepeatIsAnsweredWithTheFirstResponse() throws Exception {
    String address = serve(this::charge);
    HttpResponse<String> first = post(address, "\"8e03978e\"", "{\"amount\":10}");
    HttpResponse<String> again = post(address, "8e03978e", "{ \"amount\": 1e1 }");
    assertEquals(201, first.statusCode());
    assertEquals(201, again.statusCode());
    assertEquals(first.body(), again.body());
    assertEquals(1, effects.get());
    for (String name : List.of("Content-Type", "Location", "Content-Length")) {
      assertEquals(header(first, name), header(again, name), name);
      assertFalse(header(first, name).isEmpty(), name);
    }
    assertEquals("", header(first, "Idempotency-Replayed"));
    assertEquals("true", header(again, "Idempotency-Replayed"));
    assertFalse(header(first, "Set-Cookie").isEmpty(), "the first response lost a header");
    assertEquals("", header(again, "Set-Cookie"), "a header that is not allowed was replayed");
    for (HttpResponse<String> response : List.of(first, again)) {
      String expires = header(response, "Idempotency-Expires");
      ZonedDateTime time = ZonedDateTime.parse(expires, DateTimeFormatter.RFC_1123_DATE_TIME);
      assertTrue(time.isAfter(ZonedDateTime.now().plusHours(23)), expires);
    }
  }

  @Test
  void missingAndMalformedKeysAreRefused() throws Exception {
    String address = serve(this::charge);
    assertProblem(400, "key-missing", post(address, null, "{}"));
    List<String> wrong =
        List.of("\"\"", "\"   \"", "\"a", "a\"b", "\"a\"b\"", "\"a\\n\"", "a b", "a,b", "\"a\";v=1", "k".repeat(256));
    for (String key : wrong) {
      assertProblem(400, "key-malformed", post(address, key, "{}"));
    }
    assertEquals(0, effects.get());
    assertEquals(201, send(request(address, "GET", null, "")).statusCode());
  }

  @Test
  void aRepeatInFlightGets409AndWhenToComeBack() throws Exception {
    CountDownLatch started = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    String address = serve((request, response) -> {
      started.countDown();
      mayEnd.await();
      charge(request, response);
    });
    CompletableFuture<HttpResponse<String>> first = http.sendAsync(
        request(address, "POST", "k", "{}").build(), HttpResponse.BodyHandlers.ofString());
    started.await();
    HttpResponse<String> busy = post(address, "k", "{}");
    assertProblem(409, "in-progress", busy);
    assertFalse(header(busy, "Retry-After").isEmpty());
    mayEnd.countDown();
    assertEquals(first.get().body(), post(address, "k", "{}").body());
    assertEquals(1, effects.get());
  }

  @Test
  void anotherRequestUnderTheSameKeyGets422() throws Exception {
    String address = serve(this::charge);
    post(address, "k", "{\"amount\":10}");
    assertProblem(422, "key-reused", post(address, "k", "{\"amount\":12}"));
    assertProblem(422, "key-reused", send(request(address, "PATCH", "k", "{\"amount\":10}")));
    assertEquals(201, send(request(address, "POST", "k", "{\"amount\":12}").setHeader("Tenant", "other")).statusCode());
    assertEquals(2, effects.get());
    assertProblem(401, "unauthenticated", send(request(address, "POST", "k", "{}").setHeader("Tenant", "")));
  }

  @Test
  void whatAStatusMeansForTheKey() throws Exception {
    String address = serve((request, response) -> {
      effects.incrementAndGet();
      response.sendError(Integer.parseInt(new String(request.getInputStream().readAllBytes())), "as asked");
    });
    Map<Integer, Integer> runs = Map.of(400, 1, 404, 1, 401, 2, 409, 2, 429, 2, 503, 2, 500, 1, 504, 1);
    for (Map.Entry<Integer, Integer> expected : runs.entrySet()) {
      int status = expected.getKey();
      effects.set(0);
      HttpResponse<String> first = post(address, "k-" + status, String.valueOf(status));
      HttpResponse<String> again = post(address, "k-" + status, String.valueOf(status));
      assertEquals(status, first.statusCode());
      assertTrue(first.body().contains("as asked"), first.body());
      assertEquals(expected.getValue(), effects.get(), "runs of " + status);
      if (status == 500 || status == 504) {
        assertProblem(409, "outcome-unknown", again);
      } else {
        assertEquals(first.body(), again.body());
        assertEquals(status, again.statusCode());
      }
    }
  }

  @Test
  void whichStatusesAreStoredIsAPolicy() throws Exception {
    IdempotencyFilter filter = IdempotencyFilter.builder(client, TestServer.namespace(), request -> "acme")
        .verdict(status -> status == 404 ? Verdict.RELEASE : Verdict.STORE)
        .build();
    String address = serve(filter, (request, response) -> {
      effects.incrementAndGet();
      response.setStatus(Integer.parseInt(new String(request.getInputStream().readAllBytes())));
    });
    for (Map.Entry<String, Integer> expected : Map.of("404", 2, "500", 1).entrySet()) {
      String status = expected.getKey();
      effects.set(0);
      for (int times = 0; times < 2; times++) {
        assertEquals(Integer.parseInt(status), post(address, "k-" + status, status).statusCode());
      }
      assertEquals(expected.getValue(), effects.get(), "runs of " + status);
    }
  }

  @Test
  void aCallerWhoHangsUpCancelsNothing() throws Exception {
    CountDownLatch started = new CountDownLatch(1);
    String address = serve((request, response) -> {
      started.countDown();
      Thread.sleep(300);
      charge(request, response);
    });
    CompletableFuture<HttpResponse<String>> gone = HttpClient.newHttpClient().sendAsync(
        request(address, "POST", "k", "{}").build(), HttpResponse.BodyHandlers.ofString());
    started.await();
    gone.cancel(true);
    HttpResponse<String> again = post(address, "k", "{}");
    for (int i = 0; i < 100 && again.statusCode() == 409; i++) {
      Thread.sleep(20);
      again = post(address, "k", "{}");
    }
    assertEquals(201, again.statusCode());
    assertEquals("true", header(again, "Idempotency-Replayed"));
    assertEquals(1, effects.get());
  }

  @Test
  void aCallerWhoHangsUpInAResponseOverTheLimitCancelsNothing() throws Exception {
    CountDownLatch gone = new CountDownLatch(1);
    String address = serve((request, response) -> {
      effects.incrementAndGet();
      byte[] chunk = new byte[1 << 20];
      response.getOutputStream().write(chunk);
      gone.await();
      for (int i = 0; i < 50; i++) { // more than what lies between server and caller can hold
        response.getOutputStream().write(chunk);
      }
    });
    URI uri = URI.create("http://" + address);
    try (Socket socket = new Socket(uri.getHost(), uri.getPort())) {
      String head = "POST /charges?live=1 HTTP/1.1\r\nHost: a\r\nTenant: acme\r\nIdempotency-Key: k\r\n";
      socket.getOutputStream().write((head + "Content-Length: 0\r\n\r\n").getBytes());
      assertEquals('H', socket.getInputStream().read());
      socket.setSoLinger(true, 0);
    }
    gone.countDown();
    HttpRequest.Builder again = request(address, "POST", "k", "").setHeader("Content-Type", "");
    HttpResponse<String> answer = send(again);
    while (answer.statusCode() == 409 && !header(answer, "Retry-After").isEmpty()) {
      Thread.sleep(20);
      answer = send(again);
    }
    assertProblem(410, "response-not-kept", answer);
    assertEquals(1, effects.get());
  }

  @Test
  void aResponseOverTheLimitReachesItsCallerAndIsNotKept() throws Exception {
    String large = "0123456789abcdef".repeat(40_000);
    String address = serve((request, response) -> {
      effects.incrementAndGet();
      response.getWriter().print(large.substring(0, 100));
      response.getWriter().print(large.substring(100));
    });
    assertTrue(large.equals(post(address, "k", "{}").body()), "the response was changed");
    assertProblem(410, "response-not-kept", post(address, "k", "{}"));
    assertEquals(1, effects.get());
  }

  @Test
  void anExceptionIsTheContainersAndHoldsTheKey() throws Exception {
    String address = serve((request, response) -> {
      effects.incrementAndGet();
      throw new IOException("boom");
    });
    assertEquals(500, post(address, "k", "{}").statusCode());
    assertProblem(409, "outcome-unknown", post(address, "k", "{}"));
    assertEquals(1, effects.get());
  }

  @Test
  void anOutageIsTemporaryAndRunsNothing() throws Exception {
    try (TestProxy proxy = new TestProxy(); OncedClient unlucky = OncedClient.connect(proxy.address())) {
      proxy.refuse(true);
      IdempotencyFilter filter = IdempotencyFilter.builder(unlucky, TestServer.namespace(), request -> "one")
          .run(options -> options.beginTimeout(Duration.ofMillis(500)))
          .build();
      String address = serve(filter, (request, answer) -> effects.incrementAndGet());
      HttpResponse<String> response = post(address, "k", "{}");
      assertProblem(503, "unavailable", response);
      assertFalse(header(response, "Retry-After").isEmpty());
      assertEquals(0, effects.get());
    }
  }
}
