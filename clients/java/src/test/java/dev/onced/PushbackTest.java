package dev.onced;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.onced.v1.BeginIntentRequest;
import dev.onced.v1.BeginIntentResponse;
import dev.onced.v1.CompleteRequest;
import dev.onced.v1.CompleteResponse;
import dev.onced.v1.IdempotencyServiceGrpc;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Server;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PushbackTest {
  private static final long DELAY_MS = 300;

  /** A server in front of the real one that sheds the first begin. */
  private static final class Shedding extends IdempotencyServiceGrpc.IdempotencyServiceImplBase {
    private final List<String> attemptIds = new CopyOnWriteArrayList<>();
    private final List<Long> nanos = new CopyOnWriteArrayList<>();
    private final IdempotencyServiceGrpc.IdempotencyServiceStub real;

    Shedding(ManagedChannel channel) {
      real = IdempotencyServiceGrpc.newStub(channel);
    }

    @Override
    public void beginIntent(BeginIntentRequest request, StreamObserver<BeginIntentResponse> answer) {
      attemptIds.add(request.getAttemptId());
      nanos.add(System.nanoTime());
      if (nanos.size() > 1) {
        real.beginIntent(request, answer);
        return;
      }
      answer.onError(StatusProto.toStatusRuntimeException(com.google.rpc.Status.newBuilder()
          .setCode(Code.RESOURCE_EXHAUSTED_VALUE)
          .addDetails(Any.pack(ErrorInfo.newBuilder().setReason("OVERLOADED").setDomain("onced.v1").build()))
          .addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(Durations.fromMillis(DELAY_MS)).build()))
          .build()));
    }

    @Override
    public void complete(CompleteRequest request, StreamObserver<CompleteResponse> answer) {
      real.complete(request, answer);
    }
  }

  @Test
  void aShedBeginIsRepeatedAfterItsDelayWithTheSameAttemptAndSaidToTheHooks() throws Exception {
    ManagedChannel channel =
        Grpc.newChannelBuilder(TestServer.address(), InsecureChannelCredentials.create()).build();
    Shedding front = new Shedding(channel);
    Server server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(front).build().start();
    List<String> logged = new CopyOnWriteArrayList<>();
    Map<String, Integer> open = new ConcurrentHashMap<>();
    try (OncedClient client = OncedClient.builder("127.0.0.1:" + server.getPort())
        .log((level, message, fields, error) -> logged.add(message + fields + error))
        .trace((name, attributes) -> {
          open.merge(name, 1, Integer::sum);
          return error -> open.merge(name, -1, Integer::sum);
        })
        .build()) {
      assertEquals(1, client.runOnce(TestServer.namespace(), "a-secret-key", null, Integer.class, attempt -> 1));
    } finally {
      server.shutdownNow();
      channel.shutdownNow();
    }
    assertEquals(2, front.nanos.size());
    assertTrue(front.nanos.get(1) - front.nanos.get(0) >= TimeUnit.MILLISECONDS.toNanos(DELAY_MS));
    assertEquals(front.attemptIds.get(0), front.attemptIds.get(1));
    assertNotEquals("", front.attemptIds.get(0));
    assertTrue(logged.stream().anyMatch(line -> line.startsWith("trying again")), logged.toString());
    assertFalse(logged.toString().contains("a-secret-key"));
    assertEquals(Map.of("onced.run", 0, "onced.BeginIntent", 0, "onced.Complete", 0), open);
  }
}
