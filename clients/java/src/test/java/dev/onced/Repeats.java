package dev.onced;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/** A thousand keys, each sent again and again over a network that loses replies, and the effects counted under each. */
public final class Repeats {
  private static final int KEYS = 1000;
  private static final int SENDINGS = 6;
  private static final int CALLERS = 16;

  /** Ends a test in which nothing comes through: with 30 % lost, no key is ever near it. */
  private static final int SENDINGS_MAX = 100;

  private final Map<String, Integer> effects = new ConcurrentHashMap<>();
  private final AtomicInteger sent = new AtomicInteger();
  private final AtomicInteger delivered = new AtomicInteger();

  /** Sends one request under a key. The reply is null when it was lost. */
  public interface Send {
    byte[] send(String key);
  }

  /** An effect under a key. */
  public void effect(String key) {
    effects.merge(key, 1, Integer::sum);
  }

  /** How many were sent. */
  public int sent() {
    return sent.get();
  }

  /** How many replies came through. */
  public int delivered() {
    return delivered.get();
  }

  /**
   * Sends each key six times, by sixteen callers at once, and on until a reply came through. Replies to one key have to be
   * the same, byte for byte.
   */
  public void sendEachSixTimes(Supplier<Send> connect) {
    List<CompletableFuture<Void>> callers = new ArrayList<>();
    for (int caller = 0; caller < CALLERS; caller++) {
      int first = caller;
      Send send = connect.get();
      callers.add(CompletableFuture.runAsync(() -> {
        for (int i = first; i < KEYS; i += CALLERS) {
          repeat(send, "key-" + i);
        }
      }, task -> new Thread(task).start()));
    }
    CompletableFuture.allOf(callers.toArray(CompletableFuture[]::new)).join();
  }

  private void repeat(Send send, String key) {
    List<byte[]> replies = new ArrayList<>();
    for (int i = 0; i < SENDINGS || (replies.isEmpty() && i < SENDINGS_MAX); i++) {
      sent.incrementAndGet();
      byte[] reply = send.send(key);
      if (reply != null) {
        replies.add(reply);
      }
    }
    delivered.addAndGet(replies.size());
    assertFalse(replies.isEmpty(), key + " got no reply");
    replies.forEach(reply -> assertArrayEquals(replies.get(0), reply, key));
  }

  /** One effect under each key. */
  public void assertOneEffectEach() {
    effects.forEach((key, count) -> assertEquals(1, count, key));
    assertEquals(KEYS, effects.size());
  }
}
