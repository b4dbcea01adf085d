package dev.onced;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LeaseTest {
  private final String namespace = TestServer.namespace();
  private final OncedClient other = OncedClient.connect(TestServer.address());
  private final TestProxy proxy = new TestProxy();
  private final OncedClient client = OncedClient.connect(proxy.address());

  LeaseTest() throws IOException {}

  @AfterEach
  void close() throws IOException {
    client.close();
    other.close();
    proxy.close();
  }

  @Test
  void aLongWorkKeepsItsLease() throws InterruptedException {
    Duration lease = Duration.ofSeconds(1);
    int result = client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      long end = System.nanoTime() + lease.multipliedBy(3).toNanos();
      while (System.nanoTime() < end) {
        assertThrows(RunException.StillInProgress.class, () -> mustNotRun(RunOptions.defaults().wait(Duration.ZERO)));
        assertFalse(attempt.isStopped());
        assertTrue(attempt.remaining().toNanos() > 0);
        Thread.sleep(20);
      }
      return 1;
    }, RunOptions.defaults().lease(lease));
    assertEquals(1, result);
  }

  @Test
  void workStopsBeforeItsLeaseCanBeLostAndALateHolderKeepsItsWork() {
    int result = client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      proxy.silence(true);
      assertThrows(InterruptedException.class, () -> Thread.sleep(20_000));
      assertTrue(attempt.isStopped());
      assertTrue(attempt.remaining().toNanos() > 0, "stopped too late");
      proxy.silence(false);
      proxy.cut();
      return 1;
    }, RunOptions.defaults().lease(Duration.ofSeconds(1)));
    assertEquals(1, result);
    assertFalse(Thread.interrupted(), "the interrupt outlived the work");
    assertEquals(1, other.runOnce(namespace, "k", null, Integer.class, attempt -> 2));
  }

  @Test
  void aSupersededHolderIsToldSoAndChangesNothing() {
    RunException.NotRecorded lost = assertThrows(RunException.NotRecorded.class, () ->
        client.runOnce(namespace, "k", null, Integer.class, attempt -> {
          proxy.silence(true);
          assertThrows(InterruptedException.class, () -> Thread.sleep(20_000));
          int second = other.runOnce(namespace, "k", null, Integer.class, takeover -> {
            assertTrue(takeover.isTakenOver());
            assertTrue(takeover.fencingToken() > attempt.fencingToken());
            return 2;
          });
          assertEquals(2, second);
          proxy.silence(false);
          proxy.cut();
          return 1;
        }, RunOptions.defaults().lease(Duration.ofMillis(500))));
    assertInstanceOf(OncedException.LeaseLost.class, lost.getCause());
    assertEquals("1", lost.result().data().toStringUtf8());
    assertEquals(2, other.runOnce(namespace, "k", null, Integer.class, attempt -> 3));
  }

  @Test
  void anOutcomeIsRecordedThoughTheCallerIsInterrupted() {
    int result = client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      Thread.currentThread().interrupt();
      return 1;
    });
    assertTrue(Thread.interrupted(), "the caller's interrupt was swallowed");
    assertEquals(1, result);
    assertEquals(1, other.runOnce(namespace, "k", null, Integer.class, attempt -> 2));
  }

  @Test
  void aCallerWhoLeavesWhileWaitingGetsOutAtOnce() throws InterruptedException {
    CountDownLatch isHeld = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    Thread holder = new Thread(() -> {
      try {
        other.runOnce(namespace, "k", null, Integer.class, attempt -> {
          isHeld.countDown();
          mayEnd.await();
          return 1;
        });
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    });
    holder.start();
    isHeld.await();
    Thread caller = Thread.currentThread();
    new Thread(() -> {
      Waiting.sleep(200_000_000);
      caller.interrupt();
    }).start();
    OncedException left = assertThrows(OncedException.class, () -> mustNotRun(RunOptions.defaults()));
    assertEquals(io.grpc.Status.Code.CANCELLED, left.facts().code());
    assertTrue(Thread.interrupted());
    mayEnd.countDown();
    holder.join();
  }

  @Test
  void aCallerWhoLeavesBeforeTheWorkBeginsReleasesTheKey() {
    Thread.currentThread().interrupt();
    assertThrows(OncedException.class, () -> mustNotRun(RunOptions.defaults()));
    assertTrue(Thread.interrupted());
    // Sooner than the lease of 30 s.
    AtomicInteger number = new AtomicInteger();
    other.runOnce(namespace, "k", null, Integer.class, attempt -> {
      number.set(attempt.number());
      return 1;
    }, RunOptions.defaults().wait(Duration.ofSeconds(5)));
    assertTrue(number.get() <= 2);
  }

  @Test
  void aLeaseCountsFromWhenItsRequestWasSent() throws InterruptedException {
    client.runOnce(TestServer.namespace(), "k", null, Integer.class, attempt -> 1); // connects
    Duration lease = Duration.ofSeconds(2);
    Duration claimed = lease.minusMillis(100);
    proxy.delay(100);
    client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      long end = System.nanoTime() + lease.toNanos();
      while (System.nanoTime() < end) {
        Duration remaining = attempt.remaining();
        assertTrue(remaining.compareTo(claimed) <= 0 && !remaining.isNegative(), remaining + " are claimed");
        Thread.sleep(1);
      }
      return 0;
    }, RunOptions.defaults().lease(lease));
  }

  @Test
  void workStopsWhenARenewalSaysThatAnOperatorHasEndedIt() {
    RuntimeException stopped = new RuntimeException("stopped");
    assertSame(stopped, assertThrows(RuntimeException.class, () ->
        client.runOnce(namespace, "k", null, Integer.class, attempt -> {
          TestServer.release(namespace, "k");
          assertThrows(InterruptedException.class, () -> Thread.sleep(20_000));
          assertTrue(attempt.isStopped());
          throw stopped;
        }, RunOptions.defaults().lease(Duration.ofSeconds(3)))));
  }

  @Test
  void aRenewalThatMeetsTheOutcomeBeingRecordedIsNoNews() {
    Queue<String> said = new ConcurrentLinkedQueue<>();
    OncedClientBuilder builder = OncedClient.builder(TestServer.address());
    try (OncedClient listened = builder.log((level, message, fields, error) -> said.add(message)).build()) {
      assertThrows(RunException.class, () ->
          listened.runOnce(namespace, "k", null, Integer.class, attempt -> {
            attempt.workHasEnded();
            TestServer.release(namespace, "k");
            Thread.sleep(1_000);
            assertFalse(said.contains("a lease was not renewed"));
            return 0;
          }, RunOptions.defaults().lease(Duration.ofSeconds(1))));
    }
  }

  @Test
  void anErrorHoldsTheKeyAndGoesOn() {
    assertThrows(StackOverflowError.class, () -> client.runOnce(namespace, "k", null, Integer.class, attempt -> {
      throw new StackOverflowError();
    }));
    assertThrows(RunException.IsOrphaned.class, () -> mustNotRun(RunOptions.defaults()));
  }

  private void mustNotRun(RunOptions options) {
    other.runOnce(namespace, "k", null, Integer.class, attempt -> {
      throw new AssertionError("the work ran");
    }, options);
  }
}
