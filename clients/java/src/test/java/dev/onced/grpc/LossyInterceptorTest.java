package dev.onced.grpc;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.onced.OncedClient;
import dev.onced.Repeats;
import dev.onced.TestProxy;
import dev.onced.TestServer;
import dev.onced.v1.IdempotencyServiceGrpc;
import dev.onced.v1.IntentRecord;
import dev.onced.v1.LookupRequest;
import dev.onced.v1.LookupResponse;
import io.grpc.ConnectivityState;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.StreamObserver;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(180)
class LossyInterceptorTest {
  private final Repeats repeats = new Repeats();
  private final AtomicInteger answered = new AtomicInteger();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final OncedClient client = OncedClient.connect(TestServer.address());
  private Server server;

  /** Its numbers show whether it ran again. */
  private final class Shop extends IdempotencyServiceGrpc.IdempotencyServiceImplBase {
    private final AtomicInteger number = new AtomicInteger();

    @Override
    public void lookup(LookupRequest request, StreamObserver<LookupResponse> observer) {
      repeats.effect(request.getKey());
      IntentRecord.Builder record = IntentRecord.newBuilder().putLabels("number", "" + number.incrementAndGet());
      for (int i = 0; i < 12; i++) {
        record.putLabels("label-" + (i * 7 % 12), request.getKey());
      }
      observer.onNext(LookupResponse.newBuilder().setRecord(record).build());
      observer.onCompleted();
    }
  }

  /** Counts what leaves the service, whether or not it arrives. */
  private final class Counting implements ServerInterceptor {
    @Override
    public <Q, R> ServerCall.Listener<Q> interceptCall(
        ServerCall<Q, R> call, Metadata headers, ServerCallHandler<Q, R> next) {
      return next.startCall(new SimpleForwardingServerCall<>(call) {
        @Override
        public void close(Status status, Metadata trailers) {
          answered.incrementAndGet();
          super.close(status, trailers);
        }
      }, headers);
    }
  }

  @AfterEach
  void close() {
    channels.forEach(ManagedChannel::shutdownNow);
    server.shutdownNow();
    client.close();
  }

  @Test
  void aThousandCallsSentSixTimesOverALossyNetworkTakeEffectOnce() throws Exception {
    server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
        .addService(new Shop())
        .intercept(IdempotencyInterceptor.builder(client, TestServer.namespace(), (call, headers) -> "acme").build())
        .intercept(new Counting()) // the last is the outermost
        .build()
        .start();
    try (TestProxy proxy = new TestProxy("127.0.0.1:" + server.getPort())) {
      proxy.loseReplies(0.3);
      assertAll(() -> repeats.sendEachSixTimes(() -> sender(proxy.address())), repeats::assertOneEffectEach);
    }
    // The proxy also loses what makes a connection; only what the service answered is a reply.
    double share = 1 - (double) repeats.delivered() / answered.get();
    assertTrue(share > 0.25, "only " + share + " of " + answered + " replies were lost");
  }

  /** A connection for each caller, so that a lost reply is one call's own. */
  private Repeats.Send sender(String address) {
    ManagedChannel channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    channels.add(channel);
    return key -> {
      awaitReady(channel);
      Reply reply = IdempotencyInterceptorTest.call(channel, key, key);
      if (isLost(reply)) {
        return null;
      }
      assertTrue(reply.status().isOk(), reply.status().toString());
      return reply.data();
    };
  }

  /** A status with a cause was made by the caller itself, whose write met a closed connection; one of the service has details. */
  private static boolean isLost(Reply reply) {
    Status status = reply.status();
    return status.getCause() != null || (status.getCode() == Status.Code.UNAVAILABLE && !reply.hasDetails());
  }

  /** A call that never left would be no sending. */
  private static void awaitReady(ManagedChannel channel) {
    while (channel.getState(true) != ConnectivityState.READY) {
      channel.resetConnectBackoff();
      try {
        Thread.sleep(2);
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
