package dev.onced;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.util.Durations;
import com.google.rpc.Code;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import com.google.rpc.Status;
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

  /** A server in front of the real one that refuses the first begins. */
  private static final class Shedding extends IdempotencyServiceGrpc.IdempotencyServiceImplBase {
    private final List<String> attemptIds = new CopyOnWriteArrayList<>();
    private final List<Long> nanos = new CopyOnWriteArrayList<>();
    private final IdempotencyServiceGrpc.IdempotencyServiceStub real;
    private final List<Status> refusals;

    Shedding(ManagedChannel channel, List<Status> refusals) {
      real = IdempotencyServiceGrpc.newStub(channel);
      this.refusals = refusals;
    }

    @Override
    public void beginIntent(BeginIntentRequest request, StreamObserver<BeginIntentResponse> answer) {
      attemptIds.add(request.getAttemptId());
      nanos.add(System.nanoTime());
      if (nanos.size() > refusals.size()) {
        real.beginIntent(request, answer);
        return;
      }
      answer.onError(StatusProto.toStatusRuntimeException(refusals.get(nanos.size() - 1)));
    }

    @Override
    public void complete(CompleteRequest request, StreamObserver<CompleteResponse> answer) {
      real.complete(request, answer);
    }
  }

  /** Without a delay where that is zero. */
  private static Status refusal(Code code, String reason, long delayMs) {
    Status.Builder refusal = Status.newBuilder()
        .setCode(code.getNumber())
        .addDetails(Any.pack(ErrorInfo.newBuilder().setReason(reason).setDomain("onced.v1").build()));
    if (delayMs > 0) {
      refusal.addDetails(Any.pack(RetryInfo.newBuilder().setRetryDelay(Durations.fromMillis(delayMs)).build()));
    }
    return refusal.build();
  }

  @Test
  void whatNoRepeatWouldChangeIsSentOnce() throws Exception {
    ManagedChannel channel =
        Grpc.newChannelBuilder(TestServer.address(), InsecureChannelCredentials.create()).build();
    List<Status> refusals = List.of(
        refusal(Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", 0),
        refusal(Code.RESOURCE_EXHAUSTED, "OVERLOADED", TimeUnit.HOURS.toMillis(1)),
        refusal(Code.FAILED_PRECONDITION, "KEY_REUSED", DELAY_MS),
        refusal(Code.ABORTED, "LEASE_LOST", 0),
        refusal(Code.PERMISSION_DENIED, "PERMISSION_DENIED", 0),
        refusal(Code.INTERNAL, "INTERNAL", 0));
    Shedding front = new Shedding(channel, refusals);
    Server server = Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create()).addService(front).build().start();
    try (OncedClient client = OncedClient.connect("127.0.0.1:" + server.getPort())) {
      BeginIntentRequest request =
          BeginIntentRequest.newBuilder().setNamespace(TestServer.namespace()).setKey("k").build();
      for (int i = 0; i < refusals.size(); i++) {
        assertThrows(OncedException.class, () -> client.begin(request));
        assertEquals(i + 1, front.nanos.size(), refusals.get(i).toString());
      }
    } finally {
      server.shutdownNow();
      channel.shutdownNow();
    }
  }

  @Test
  void aShedBeginIsRepeatedAfterItsDelayWithTheSameAttemptAndSaidToTheHooks() throws Exception {
    ManagedChannel channel =
        Grpc.newChannelBuilder(TestServer.address(), InsecureChannelCredentials.create()).build();
    Shedding front = new Shedding(channel, List.of(refusal(Code.RESOURCE_EXHAUSTED, "OVERLOADED", DELAY_MS)));
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
