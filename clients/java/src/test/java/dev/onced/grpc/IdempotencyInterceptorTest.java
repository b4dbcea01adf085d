package dev.onced.grpc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import com.google.rpc.ErrorInfo;
import dev.onced.Need;
import dev.onced.OncedClient;
import dev.onced.TestServer;
import dev.onced.Vectors;
import dev.onced.v1.Fingerprint;
import dev.onced.v1.IdempotencyServiceGrpc;
import dev.onced.v1.IntentRecord;
import dev.onced.v1.LookupRequest;
import dev.onced.v1.LookupResponse;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.Context;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Server;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class IdempotencyInterceptorTest {
  private static final Metadata.Key<String> KEY = key("idempotency-key");
  private static final Metadata.Key<String> TENANT = key("tenant");
  private static final Metadata.Key<byte[]> DETAILS =
      Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

  /** Shows the bytes of a response. */
  private static final MethodDescriptor<LookupRequest, byte[]> RAW_LOOKUP =
      IdempotencyServiceGrpc.getLookupMethod().toBuilder(
          IdempotencyServiceGrpc.getLookupMethod().getRequestMarshaller(), new RawMarshaller()).build();

  private interface Answer {
    void before(int number) throws InterruptedException;
  }

  /** A service to make idempotent. It borrows the shape of Lookup, whose response has a map. */
  private final class Shop extends IdempotencyServiceGrpc.IdempotencyServiceImplBase {
    @Override
    public void lookup(LookupRequest request, StreamObserver<LookupResponse> observer) {
      int number = effects.incrementAndGet();
      try {
        answer.before(number);
      } catch (StatusRuntimeException e) {
        observer.onError(e);
        return;
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      IntentRecord.Builder record = IntentRecord.newBuilder();
      for (int i = 0; i < 12; i++) {
        record.putLabels("label-" + (i * 7 % 12), String.valueOf(number));
      }
      observer.onNext(LookupResponse.newBuilder().setRecord(record).build());
      observer.onCompleted();
    }
  }

  private final AtomicInteger effects = new AtomicInteger();
  private final OncedClient client = OncedClient.connect(TestServer.address());
  private final List<ManagedChannel> channels = new ArrayList<>();
  private volatile Answer answer = number -> {};
  private Server server;

  @AfterEach
  void close() {
    channels.forEach(ManagedChannel::shutdownNow);
    server.shutdownNow();
    client.close();
  }

  private ManagedChannel serve(UnaryOperator<IdempotencyInterceptorBuilder> change) throws IOException {
    IdempotencyInterceptor interceptor = change.apply(IdempotencyInterceptor.builder(
        client, TestServer.namespace(), (call, headers) -> headers.get(TENANT))).build();
    server = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", 0))
        .addService(new Shop())
        .intercept(interceptor)
        .build()
        .start();
    return connect("127.0.0.1:" + server.getPort());
  }

  private ManagedChannel serve() throws IOException {
    return serve(builder -> builder);
  }

  private ManagedChannel connect(String address) {
    ManagedChannel channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    channels.add(channel);
    return channel;
  }

  static Reply call(ManagedChannel channel, String key, String request) {
    return callAs("acme", channel, key, request);
  }

  private static Reply callAs(String tenant, ManagedChannel channel, String key, String request) {
    Metadata headers = new Metadata();
    headers.put(TENANT, tenant);
    if (key != null) {
      headers.put(KEY, key);
    }
    ClientCall<LookupRequest, byte[]> call =
        channel.newCall(RAW_LOOKUP, CallOptions.DEFAULT.withDeadlineAfter(10, TimeUnit.SECONDS));
    CompletableFuture<Reply> reply = new CompletableFuture<>();
    call.start(new ClientCall.Listener<>() {
      private Metadata first = new Metadata();
      private byte[] data;

      @Override
      public void onHeaders(Metadata headers) {
        first = headers;
      }

      @Override
      public void onMessage(byte[] message) {
        data = message;
      }

      @Override
      public void onClose(Status status, Metadata trailers) {
        reply.complete(new Reply(status, data, first, trailers));
      }
    }, headers);
    call.sendMessage(LookupRequest.newBuilder().setKey(request).build());
    call.halfClose();
    call.request(2);
    return reply.join();
  }

  private static void assertRefused(Status.Code code, String reason, Reply reply) throws InvalidProtocolBufferException {
    assertEquals(code, reply.status().getCode(), reply.status().toString());
    assertEquals(reason, reply.reason());
  }

  @TestFactory
  Stream<DynamicTest> requestFingerprintsAreThoseOfEveryLanguage() throws IOException {
    serve();
    return Vectors.cases("adapters.json", "grpc_requests", test -> {
      ErrorInfo.Builder request = ErrorInfo.newBuilder();
      JsonFormat.parser().merge(test.get("error_info").toString(), request);
      Fingerprint made = StoredAnswers.fingerprint(
          test.get("method").getAsString().substring(1), request.build(), Vectors.texts(test, "exclude"));
      assertEquals(test.get("digest").getAsString(), HexFormat.of().formatHex(made.getDigest().toByteArray()));
    });
  }

  @Test
  void aRepeatedCallGetsTheFirstResponseByteForByte() throws Exception {
    ManagedChannel channel = serve();
    Reply first = call(channel, "k", "r");
    assertTrue(first.status().isOk(), first.status().toString());
    assertFalse(first.isReplayed());
    for (int i = 0; i < 5; i++) {
      Reply again = call(channel, "k", "r");
      assertTrue(again.isReplayed());
      assertArrayEquals(first.data(), again.data());
    }
    assertEquals(12, LookupResponse.parseFrom(first.data()).getRecord().getLabelsCount());
    assertEquals(1, effects.get());
  }

  @Test
  void aRepeatedCallGetsTheFirstStatusWithItsDetailsByteForByte() throws Exception {
    ManagedChannel channel = serve();
    answer = number -> {
      ErrorInfo info = ErrorInfo.newBuilder().setReason("NO_CREDIT").putMetadata("b", "2").putMetadata("a", "" + number).build();
      throw StatusProto.toStatusRuntimeException(com.google.rpc.Status.newBuilder()
          .setCode(Status.Code.FAILED_PRECONDITION.value()).setMessage("no credit").addDetails(Any.pack(info)).build());
    };
    Reply first = call(channel, "k", "r");
    Reply again = call(channel, "k", "r");
    assertRefused(Status.Code.FAILED_PRECONDITION, "NO_CREDIT", first);
    assertNotNull(first.trailers().get(DETAILS));
    assertArrayEquals(first.trailers().get(DETAILS), again.trailers().get(DETAILS));
    assertFalse(first.isReplayed());
    assertTrue(again.isReplayed());
    assertEquals(1, effects.get());
  }

  @Test
  void aStatusThatIsTooLargeToBeKeptIsCutForItsFirstCallerToo() throws Exception {
    ManagedChannel channel = serve();
    String text = "x".repeat(4096);
    ErrorInfo info = ErrorInfo.newBuilder().setReason("NO_CREDIT").putMetadata("a", text).build();
    com.google.rpc.Status.Builder refused = com.google.rpc.Status.newBuilder().setCode(Status.Code.NOT_FOUND.value());
    com.google.rpc.Status large = refused.clone().setMessage("as asked").addDetails(Any.pack(info)).build();
    for (com.google.rpc.Status status : List.of(large, refused.setMessage(text).build())) {
      effects.set(0);
      answer = number -> {
        throw StatusProto.toStatusRuntimeException(status);
      };
      String key = "k-" + status.getDetailsCount();
      Reply first = call(channel, key, "r");
      Reply again = call(channel, key, "r");
      assertRefused(Status.Code.NOT_FOUND, "", again);
      assertEquals(first.status().getDescription(), again.status().getDescription());
      assertArrayEquals(first.trailers().get(DETAILS), again.trailers().get(DETAILS));
      assertEquals(1, effects.get());
    }
  }

  @Test
  void whatAStatusMeansForTheKey() throws Exception {
    ManagedChannel channel = serve();
    List<Status.Code> once = List.of(Status.Code.NOT_FOUND, Status.Code.INTERNAL, Status.Code.UNKNOWN);
    List<Status.Code> twice = List.of(Status.Code.UNAVAILABLE, Status.Code.PERMISSION_DENIED);
    for (Status.Code code : List.of(once.get(0), once.get(1), once.get(2), twice.get(0), twice.get(1))) {
      effects.set(0);
      answer = number -> {
        throw code.toStatus().withDescription("as asked").asRuntimeException();
      };
      Reply first = call(channel, "k-" + code, "r");
      Reply again = call(channel, "k-" + code, "r");
      assertEquals(code, first.status().getCode());
      assertEquals("as asked", first.status().getDescription());
      assertEquals(twice.contains(code) ? 2 : 1, effects.get(), code.toString());
      if (code == Status.Code.INTERNAL || code == Status.Code.UNKNOWN) {
        assertRefused(Status.Code.ABORTED, "OUTCOME_UNKNOWN", again);
      } else {
        assertEquals(code, again.status().getCode());
      }
    }
  }

  @Test
  void callsThatCannotBeMadeIdempotentAreRefused() throws Exception {
    ManagedChannel channel = serve(builder -> builder.need(method -> Need.REQUIRED));
    assertRefused(Status.Code.INVALID_ARGUMENT, "KEY_MISSING", call(channel, null, "r"));
    assertRefused(Status.Code.INVALID_ARGUMENT, "KEY_MALFORMED", call(channel, "k".repeat(256), "r"));
    assertRefused(Status.Code.UNAUTHENTICATED, "UNAUTHENTICATED", callAs("", channel, "k", "r"));
    call(channel, "k", "r");
    assertRefused(Status.Code.FAILED_PRECONDITION, "KEY_REUSED", call(channel, "k", "another"));
    assertTrue(callAs("other", channel, "k", "another").status().isOk());
    assertEquals(2, effects.get());
  }

  @Test
  void aCallInFlightIsWaitedFor() throws Exception {
    ManagedChannel channel = serve();
    CountDownLatch started = new CountDownLatch(1);
    CountDownLatch mayEnd = new CountDownLatch(1);
    answer = number -> {
      started.countDown();
      mayEnd.await();
    };
    CompletableFuture<Reply> first = CompletableFuture.supplyAsync(() -> call(channel, "k", "r"));
    started.await();
    CompletableFuture<Reply> second = CompletableFuture.supplyAsync(() -> call(channel, "k", "r"));
    Thread.sleep(200);
    mayEnd.countDown();
    assertArrayEquals(first.get().data(), second.get().data());
    assertEquals(1, effects.get());
  }

  @Test
  void aCallerWhoLeavesCancelsNothing() throws Exception {
    ManagedChannel channel = serve();
    CountDownLatch started = new CountDownLatch(1);
    answer = number -> {
      started.countDown();
      Thread.sleep(300);
      if (Context.current().isCancelled() || IdempotencyInterceptor.ATTEMPT.get().fencingToken() == 0) {
        throw new IllegalStateException("cancelled, or without an attempt");
      }
    };
    Context.CancellableContext leaving = Context.current().withCancellation();
    CompletableFuture<Reply> gone = CompletableFuture.supplyAsync(() -> {
      try {
        return leaving.call(() -> call(channel, "k", "r"));
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    });
    started.await();
    leaving.cancel(null);
    assertEquals(Status.Code.CANCELLED, gone.get().status().getCode());
    Reply again = call(channel, "k", "r");
    assertTrue(again.status().isOk() && again.isReplayed(), again.status().toString());
    assertEquals(1, effects.get());
  }

  @Test
  void anExceptionIsTheServersAndHoldsTheKey() throws Exception {
    ManagedChannel channel = serve();
    answer = number -> {
      throw new AssertionBreach();
    };
    assertEquals(Status.Code.UNKNOWN, call(channel, "k", "r").status().getCode());
    assertRefused(Status.Code.ABORTED, "OUTCOME_UNKNOWN", call(channel, "k", "r"));
    assertEquals(1, effects.get());
  }

  private static final class AssertionBreach extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
