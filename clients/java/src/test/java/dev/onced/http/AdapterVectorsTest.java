package dev.onced.http;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import dev.onced.DerivedKeys;
import dev.onced.OncedClient;
import dev.onced.TestServer;
import dev.onced.Vectors;
import dev.onced.v1.Fingerprint;
import dev.onced.v1.IntentRecord;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HexFormat;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** What stands at the server after a request is what every language would have stored. */
class AdapterVectorsTest {
  private final HttpClient http = HttpClient.newHttpClient();
  private final OncedClient client = OncedClient.connect(TestServer.address());

  @AfterEach
  void close() {
    client.close();
  }

  @TestFactory
  Stream<DynamicTest> keysAreReadAsInEveryLanguage() throws IOException {
    return Vectors.cases("adapters.json", "http_keys", test -> {
      String key = test.has("malformed") ? null : test.get("key").getAsString();
      assertEquals(key, KeyHeader.read(Vectors.texts(test, "headers")));
    });
  }

  @TestFactory
  Stream<DynamicTest> requestFingerprintsAreThoseOfEveryLanguage() throws IOException {
    return Vectors.cases("adapters.json", "http_requests", test -> {
      String[] exclude = Vectors.texts(test, "exclude").toArray(String[]::new);
      HttpRequest.BodyPublisher body =
          HttpRequest.BodyPublishers.ofByteArray(Vectors.bytes(test, "body_hex", "body"));
      IntentRecord record = serveOnce(exclude, (request, response) -> {}, (address, builder) -> {
        String type = test.get("content_type").getAsString();
        if (!type.isEmpty()) {
          builder.header("Content-Type", type);
        }
        builder.uri(URI.create("http://" + address + test.get("target").getAsString()))
            .method(test.get("method").getAsString(), body);
      });
      Fingerprint made = record.getFingerprints(0);
      assertEquals(test.get("scheme").getAsString(), made.getScheme());
      assertEquals(test.get("digest").getAsString(), HexFormat.of().formatHex(made.getDigest().toByteArray()));
    });
  }

  @TestFactory
  Stream<DynamicTest> responsesAreStoredAsInEveryLanguage() throws IOException {
    return Vectors.cases("adapters.json", "http_responses", test -> {
      IntentRecord record = serveOnce(new String[0], (request, response) -> {
        response.setStatus(test.get("status").getAsInt());
        for (JsonElement header : test.getAsJsonArray("headers")) {
          JsonArray pair = header.getAsJsonArray();
          response.addHeader(pair.get(0).getAsString(), pair.get(1).getAsString());
        }
        response.getOutputStream().write(test.get("body").getAsString().getBytes());
      }, (address, builder) ->
          builder.uri(URI.create("http://" + address + "/")).POST(HttpRequest.BodyPublishers.noBody()));
      assertEquals(test.get("stored").getAsString(), record.getResult().toStringUtf8());
      assertEquals("message/http", record.getContentType());
      assertEquals(test.get("status").getAsString(), record.getOutcomeLabelsOrThrow("http.status"));
    });
  }

  private interface Sending {
    void prepare(String address, HttpRequest.Builder request);
  }

  private IntentRecord serveOnce(String[] exclude, TestWeb.Handler handler, Sending sending) throws Exception {
    String namespace = TestServer.namespace();
    IdempotencyFilter filter = IdempotencyFilter.builder(client, namespace, request -> "acme")
        .need(request -> dev.onced.Need.REQUIRED)
        .exclude(exclude)
        .build();
    try (TestWeb web = new TestWeb(filter, handler)) {
      HttpRequest.Builder request = HttpRequest.newBuilder().header("Idempotency-Key", "k");
      sending.prepare(web.address(), request);
      http.send(request.build(), HttpResponse.BodyHandlers.discarding());
      return client.lookup(namespace, DerivedKeys.derive("k", "acme"), true);
    }
  }
}
