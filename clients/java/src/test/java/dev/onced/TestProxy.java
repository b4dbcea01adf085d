package dev.onced;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BooleanSupplier;

/** A TCP proxy on loopback that loses things. It knows no protocol. */
public final class TestProxy implements AutoCloseable {
  private final String[] target;
  private final ServerSocket listener;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final Random random;
  private volatile double loseReplies;
  private final AtomicBoolean loseNext = new AtomicBoolean();
  private volatile long delayMs;
  private volatile boolean isSilent;
  private volatile boolean isRefusing;

  /** In front of the test server. */
  public TestProxy() throws IOException {
    this(TestServer.address());
  }

  public TestProxy(String target) throws IOException {
    this.target = target.split(":");
    long seed = new Random().nextLong();
    System.out.println("proxy seed " + seed);
    random = new Random(seed);
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    daemon(this::accept);
  }

  public String address() {
    return "127.0.0.1:" + listener.getLocalPort();
  }

  /** Throws away this share of what the server sends, after it has done its work, and resets the connection. */
  public void loseReplies(double share) {
    loseReplies = share;
  }

  /** Throws away the next that the server sends, and resets the connection. */
  public void loseNextReply() {
    loseNext.set(true);
  }

  /** Holds back what the server sends. */
  public void delay(long delayMs) {
    this.delayMs = delayMs;
  }

  /** Reads and loses everything in both directions, on connections that stay open. */
  public void silence(boolean isSilent) {
    this.isSilent = isSilent;
  }

  /** Resets open connections, and each new one. */
  public void refuse(boolean isRefusing) {
    this.isRefusing = isRefusing;
    if (isRefusing) {
      cut();
    }
  }

  /** Resets what is open now. */
  public void cut() {
    open.forEach(TestProxy::reset);
  }

  @Override
  public void close() throws IOException {
    listener.close();
    cut();
  }

  private void accept() {
    try {
      while (true) {
        Socket client = listener.accept();
        if (isRefusing) {
          reset(client);
          continue;
        }
        Socket server = new Socket(target[0], Integer.parseInt(target[1]));
        client.setTcpNoDelay(true); // or a request in two parts waits 40 ms for an acknowledgement
        server.setTcpNoDelay(true);
        open.add(client);
        open.add(server);
        daemon(() -> copy(client, server, () -> false));
        daemon(() -> copy(server, client, this::isReplyLost));
      }
    } catch (IOException e) {
      // Closed.
    }
  }

  private boolean isReplyLost() {
    try {
      Thread.sleep(delayMs);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    synchronized (random) {
      return loseNext.getAndSet(false) || (loseReplies > 0 && random.nextDouble() < loseReplies);
    }
  }

  private void copy(Socket from, Socket to, BooleanSupplier isCut) {
    try (from; to) {
      InputStream input = from.getInputStream();
      byte[] buffer = new byte[32 * 1024];
      for (int size = input.read(buffer); size >= 0; size = input.read(buffer)) {
        if (isCut.getAsBoolean()) {
          break;
        }
        if (!isSilent) {
          to.getOutputStream().write(buffer, 0, size);
        }
      }
    } catch (IOException e) {
      // Broken off, as it is meant to be.
    }
    open.remove(from);
    reset(from);
    reset(to);
  }

  private static void reset(Socket socket) {
    try {
      socket.setSoLinger(true, 0);
      socket.close();
    } catch (IOException e) {
      // Closed already.
    }
  }

  private static void daemon(Runnable task) {
    Thread thread = new Thread(task, "proxy");
    thread.setDaemon(true);
    thread.start();
  }
}
