package dev.onced;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class FaultsTest {
  private static final RunOptions HASTY =
      RunOptions.defaults().wait(Duration.ZERO).beginTimeout(Duration.ofSeconds(1));

  private final String namespace = TestServer.namespace();
  private final TestProxy proxy = new TestProxy();
  private OncedClient client = OncedClient.connect(proxy.address());

  FaultsTest() throws IOException {}

  @AfterEach
  void close() throws IOException {
    client.close();
    proxy.close();
  }

  @Test
  void lostRepliesNeverDoAnEffectTwice() throws Exception {
    proxy.loseReplies(0.25);
    ExecutorService callers = Executors.newFixedThreadPool(4);
    List<AtomicInteger> effects = new ArrayList<>();
    List<Future<String>> results = new ArrayList<>();
    for (int i = 0; i < 24; i++) {
      String key = "key-" + i;
      AtomicInteger count = new AtomicInteger();
      effects.add(count);
      results.add(callers.submit(() -> runUntilDone(key, count)));
    }
    for (int i = 0; i < results.size(); i++) {
      assertEquals("effect-1", results.get(i).get());
      assertEquals(1, effects.get(i).get());
    }
    callers.shutdown();
  }

  /** Repeats a run as a caller would who keeps the key until there is an outcome. */
  private String runUntilDone(String key, AtomicInteger effects) {
    for (int tries = 0; ; tries++) {
      try {
        return client.runOnce(namespace, key, null, String.class, attempt -> "effect-" + effects.incrementAndGet());
      } catch (OncedException | RunException e) {
        if (tries == 100 || e instanceof RunException.NotRecorded) {
          throw e;
        }
        Waiting.sleep(20_000_000);
      }
    }
  }

  @Test
  void aBeginWhoseReplyIsLostFindsItsOwnLease() {
    client.runOnce(TestServer.namespace(), "k", null, Integer.class, attempt -> 1); // connects
    proxy.loseNextReply();
    long start = System.nanoTime();
    assertEquals(1, client.runOnce(namespace, "k", null, Integer.class, attempt -> attempt.number()));
    assertTrue(System.nanoTime() - start < Duration.ofSeconds(10).toNanos());
  }

  @Test
  void onlyErrorsWithOncedsReasonAreTakenAtTheirWord() {
    for (Status.Code code : List.of(Status.Code.UNKNOWN, Status.Code.INTERNAL, Status.Code.CANCELLED, Status.Code.ABORTED)) {
      assertTrue(CallErrors.exceptionOf(code.toStatus().asRuntimeException()).isTemporary(), code.toString());
    }
    assertTrue(CallErrors.exceptionOf(withReason(Status.Code.ABORTED, "LEASE_LOST")) instanceof OncedException.LeaseLost);
    assertFalse(CallErrors.exceptionOf(withReason(Status.Code.UNKNOWN, "OF_A_LATER_RELEASE")).isTemporary());
    assertFalse(CallErrors.exceptionOf(Status.RESOURCE_EXHAUSTED.asRuntimeException()).isTemporary());
  }

  private static StatusRuntimeException withReason(Status.Code code, String reason) {
    ErrorInfo info = ErrorInfo.newBuilder().setReason(reason).setDomain("onced.v1").build();
    return StatusProto.toStatusRuntimeException(
        com.google.rpc.Status.newBuilder().setCode(code.value()).addDetails(Any.pack(info)).build());
  }

  @Test
  void anUnreachableServerIsATemporaryErrorInBoundedTime() {
    proxy.refuse(true);
    expectTemporary(Duration.ofSeconds(10));
  }

  @Test
  void aSilentServerIsATemporaryErrorInBoundedTime() {
    client.close();
    client = OncedClient.builder(proxy.address()).beginTimeout(Duration.ofMillis(100)).build();
    client.runOnce(namespace, "first", null, Integer.class, attempt -> 1);
    proxy.silence(true);
    expectTemporary(Duration.ofSeconds(5));
  }

  private void expectTemporary(Duration bound) {
    long start = System.nanoTime();
    OncedException failure = assertThrows(OncedException.class, () ->
        client.runOnce(namespace, "k", null, Integer.class, attempt -> 1, HASTY));
    assertTrue(failure.isTemporary(), failure.toString());
    assertTrue(System.nanoTime() - start < bound.toNanos());
  }

  @Test
  void aCompleteIsTriedUntilTheServerIsBack() {
    int result = client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      proxy.refuse(true);
      CompletableFuture.delayedExecutor(3, TimeUnit.SECONDS).execute(() -> proxy.refuse(false));
      return 1;
    });
    assertEquals(1, result);
    assertEquals(1, client.runOnce(namespace, "k", null, Integer.class, attempt -> 2));
  }

  @Test
  void anOutcomeThatCannotBeRecordedIsReportedWithItsResult() {
    client.close();
    client = OncedClient.builder(proxy.address()).settleFor(Duration.ofMillis(500)).build();
    RunException.NotRecorded lost = assertThrows(RunException.NotRecorded.class, () ->
        client.runOnce(namespace, "k", null, Integer.class, attempt -> {
          proxy.refuse(true);
          return 1;
        }));
    assertEquals("1", lost.result().data().toStringUtf8());
  }

  @Test
  void aServersThreadNeedNotWaitUntilTheOutcomeIsRecorded() {
    long start = System.nanoTime();
    assertThrows(RunException.NotRecorded.class, () ->
        client.runOnce(namespace, "k", null, Integer.class, attempt -> {
          proxy.refuse(true);
          return 1;
        }, RunOptions.defaults().recordWait(Duration.ofMillis(200))));
    assertTrue(System.nanoTime() - start < Duration.ofSeconds(3).toNanos());
    proxy.refuse(false);
    assertEquals(1, client.runOnce(namespace, "k", null, Integer.class, attempt -> 2));
  }

  @Test
  void closingTheClientEndsTheRecordingOfOutcomes() {
    assertThrows(RunException.NotRecorded.class, () ->
        client.runOnce(namespace, "k", null, Integer.class, attempt -> {
          proxy.refuse(true);
          CompletableFuture.delayedExecutor(300, TimeUnit.MILLISECONDS).execute(client::close);
          return 1;
        }));
  }

  @Test
  void retriesStopWhenMostCallsFail() {
    RetryBudget budget = new RetryBudget();
    for (int i = 0; i < 4; i++) {
      assertTrue(budget.failed());
    }
    assertTrue(!budget.failed());
    for (int i = 0; i < 20; i++) {
      budget.succeeded();
    }
    assertTrue(budget.failed());
  }

  @Test
  void plainTextStaysOnThisMachine() {
    for (String here : List.of("127.0.0.1:50051", "localhost:1", "[::1]:1", "dns:///localhost:1", "unix:/run/onced.sock")) {
      assertTrue(Loopback.isLoopback(here), here);
    }
    for (String away : List.of("onced.internal:443", "dns:///onced:1", "10.0.0.1:1", "localhost.example.com:1")) {
      assertTrue(!Loopback.isLoopback(away), away);
    }
  }
}
