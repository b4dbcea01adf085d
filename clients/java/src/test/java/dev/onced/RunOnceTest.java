package dev.onced;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.onced.v1.Fingerprint;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(30)
class RunOnceTest {
  record Order(String id, int amount) {}

  record Receipt(int number) {}

  private static final RunOptions NO_WAIT = RunOptions.defaults().wait(Duration.ZERO);

  private final String namespace = TestServer.namespace();
  private final OncedClient client = OncedClient.builder(TestServer.address()).owner("first").build();

  @AfterEach
  void close() {
    client.close();
  }

  @Test
  void aRepeatedRunReturnsTheFirstResultWithoutWorkingAgain() {
    AtomicInteger runs = new AtomicInteger();
    for (int i = 0; i < 3; i++) {
      Receipt receipt = client.runOnce(
          namespace, "order-1", new Order("order-1", 10), Receipt.class, attempt -> new Receipt(runs.incrementAndGet()));
      assertEquals(new Receipt(1), receipt);
    }
  }

  @Test
  void concurrentRunsWorkOnceAndAllGetTheResult() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    ExecutorService callers = Executors.newFixedThreadPool(20);
    List<Future<Integer>> results = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      results.add(callers.submit(() -> client.runOnce(namespace, "k", null, Integer.class, attempt -> {
        Thread.sleep(50);
        return runs.incrementAndGet();
      })));
    }
    for (Future<Integer> result : results) {
      assertEquals(1, result.get());
    }
    callers.shutdown();
  }

  @Test
  void withoutWaitingARunInFlightIsReported() {
    client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      RunException.StillInProgress busy = assertThrows(RunException.StillInProgress.class, () -> mustNotRun(NO_WAIT));
      assertEquals("first", busy.answer().getOwner());
      assertTrue(busy.retryAfter().toMillis() > 0);
      return 0;
    });
  }

  @Test
  void aKeyReusedForAnotherRequestIsRefused() {
    client.runOnce(namespace, "k", new Order("a", 10), Integer.class, attempt -> 1);
    assertThrows(OncedException.KeyReused.class, () ->
        client.runOnce(namespace, "k", new Order("a", 12), Integer.class, attempt -> 2));
    RunOptions withoutAmount = RunOptions.defaults().exclude("/amount");
    client.runOnce(namespace, "k2", new Order("a", 10), Integer.class, attempt -> 1, withoutAmount);
    assertEquals(1, client.runOnce(namespace, "k2", new Order("a", 12), Integer.class, attempt -> 2, withoutAmount));
  }

  @Test
  void resultsOfEachKindSurviveAReplay() {
    Fingerprint message = Fingerprint.newBuilder().setScheme("x").build();
    for (int i = 0; i < 2; i++) {
      assertArrayEquals(new byte[] {0, -1}, client.runOnce(
          namespace, "bytes", null, Codec.bytes(), attempt -> new byte[] {0, -1}, RunOptions.defaults()));
      assertEquals(message, client.runOnce(
          namespace, "message", null, Codec.protobuf(Fingerprint.parser()), attempt -> message, RunOptions.defaults()));
      assertEquals("héllo", client.runOnce(namespace, "text", null, String.class, attempt -> "héllo"));
      assertEquals(null, client.runOnce(namespace, "null", null, String.class, attempt -> null));
    }
  }

  @Test
  void aFinalErrorIsReplayedByteForByte() {
    FinalError declined = new FinalError("DECLINED", "card declined");
    declined.withDetail(new byte[] {0, 1, -1}, "application/x-decline");
    RunException.FailedForGood first = assertThrows(RunException.FailedForGood.class, () -> fail(declined));
    assertFalse(first.isReplayed());
    assertSame(declined, first.getCause());
    RunException.FailedForGood again = assertThrows(RunException.FailedForGood.class, () -> mustNotRun(NO_WAIT));
    assertTrue(again.isReplayed());
    assertEquals(first.error(), again.error());
    assertEquals("DECLINED", again.error().getCode());
    assertArrayEquals(new byte[] {0, 1, -1}, again.error().getDetail().toByteArray());
  }

  @Test
  void aRetryableErrorReleasesTheKeyAfterItsDelay() {
    RetryableError busy = new RetryableError("provider busy", Duration.ofMillis(300), null);
    assertSame(busy, assertThrows(RetryableError.class, () -> fail(busy)));
    RunException.NotYet later = assertThrows(RunException.NotYet.class, () -> mustNotRun(NO_WAIT));
    assertEquals("provider busy", later.answer().getLastError().getMessage());
    int number = client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      assertEquals("provider busy", attempt.lastError().orElseThrow().getMessage());
      return attempt.number();
    });
    assertEquals(2, number);
  }

  @Test
  void anExceptionThatSaysNothingHoldsTheKey() {
    IOException lost = new IOException("connection lost");
    assertSame(lost, assertThrows(IOException.class, () -> fail(lost)));
    RunException.IsOrphaned held = assertThrows(RunException.IsOrphaned.class, () -> mustNotRun(RunOptions.defaults()));
    assertEquals("connection lost", held.answer().getLastError().getMessage());
  }

  @Test
  void exceptionsCanBeClassifiedInOnePlace() {
    RunOptions options = RunOptions.defaults().classify(error -> new FinalError("MINE", error.getMessage(), error));
    RunException.FailedForGood failed = assertThrows(RunException.FailedForGood.class, () ->
        client.runOnce(namespace, "k", null, Integer.class, attempt -> {
          throw new IOException("any");
        }, options));
    assertEquals("MINE", failed.error().getCode());
  }

  @Test
  void aClassifierThatThrowsHoldsTheKey() {
    RunOptions options = RunOptions.defaults().classify(error -> {
      throw new IllegalStateException("a bug");
    });
    assertThrows(IOException.class, () -> client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      throw new IOException("any");
    }, options));
    assertThrows(RunException.IsOrphaned.class, () -> mustNotRun(NO_WAIT));
  }

  @Test
  void aCheckpointReachesTheNextAttempt() {
    assertThrows(RetryableError.class, () -> client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      assertTrue(attempt.checkpoint().isEmpty());
      attempt.saveCheckpoint("charge-77".getBytes());
      throw new RetryableError("later");
    }));
    client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      assertEquals("charge-77", new String(attempt.checkpoint().orElseThrow()));
      return 0;
    });
  }

  @Test
  void aLookupShowsTheOutcome() {
    assertThrows(OncedException.IntentNotFound.class, () -> client.lookup(namespace, "k", true));
    client.runOnce(namespace, "k", null, Integer.class, attempt -> 7);
    assertEquals("7", client.lookup(namespace, "k", true).getResult().toStringUtf8());
  }

  @Test
  void aResultThatIsTooLargeHoldsTheKey() {
    byte[] large = new byte[2 << 20];
    RunException.NotRecorded refused = assertThrows(RunException.NotRecorded.class, () ->
        client.runOnce(namespace, "k", null, Codec.bytes(), attempt -> large, RunOptions.defaults()));
    assertEquals(large.length, refused.result().data().size());
    RunException.IsOrphaned held = assertThrows(RunException.IsOrphaned.class, () -> mustNotRun(NO_WAIT));
    assertEquals("OUTCOME_REFUSED", held.answer().getLastError().getCode());
  }

  @Test
  void wrongFieldsAreNamed() {
    OncedException wrong = assertThrows(OncedException.InvalidField.class, () ->
        client.runOnce("Not A Namespace", "", null, Integer.class, attempt -> 0));
    assertTrue(wrong.facts().fields().containsKey("namespace") && wrong.facts().fields().containsKey("key"));
  }

  private void mustNotRun(RunOptions options) {
    client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      throw new AssertionError("the work ran");
    }, options);
  }

  private <E extends Exception> void fail(E error) throws E {
    client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      throw error;
    });
  }
}
