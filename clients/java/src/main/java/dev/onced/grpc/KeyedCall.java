package dev.onced.grpc;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.RetryInfo;
import dev.onced.Attempt;
import dev.onced.FingerprintException;
import dev.onced.Result;
import dev.onced.RetryableError;
import dev.onced.RunException;
import dev.onced.RunOptions;
import dev.onced.UnknownOutcomeError;
import dev.onced.v1.Fingerprint;
import io.grpc.Context;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/** One call with a key, on its way to an answer. */
final class KeyedCall<Q, R> extends ServerCall.Listener<Q> {
  private static final Metadata.Key<String> REPLAYED =
      Metadata.Key.of("idempotency-replayed", Metadata.ASCII_STRING_MARSHALLER);
  private static final int LABEL_LENGTH_MAX = 256;

  private final InterceptorOptions options;
  private final ServerCall<Q, R> call;
  private final Metadata headers;
  private final ServerCallHandler<Q, R> next;
  private final IdempotencyInterceptor.Keys keys;
  private final HeldCall<Q, R> held;
  private Q request;
  private boolean hasRun;
  private HeldCall.Closed closed;

  KeyedCall(
      InterceptorOptions options,
      ServerCall<Q, R> call,
      Metadata headers,
      ServerCallHandler<Q, R> next,
      IdempotencyInterceptor.Keys keys) {
    this.options = options;
    this.call = call;
    this.headers = headers;
    this.next = next;
    this.keys = keys;
    this.held = new HeldCall<>(call);
  }

  @Override
  public void onMessage(Q message) {
    request = message;
  }

  /** The whole request is here. */
  @Override
  public void onHalfClose() {
    if (!(request instanceof Message message)) {
      close(Refusals.notProtobuf());
      return;
    }
    try {
      Result result = options.client().run(options.namespace(), keys.stored(), run(message), this::serve);
      answer(result);
    } catch (RunException.FailedForGood failed) {
      markReplay(failed.isReplayed());
      close(failed.isAttemptsExhausted() ? Refusals.exhausted() : StoredAnswers.status(failed));
    } catch (InvalidProtocolBufferException | FingerprintException e) {
      close(Refusals.noFingerprint(e));
    } catch (Exception e) {
      explain(e);
    }
  }

  private void explain(Exception e) {
    if (!hasRun || e instanceof RunException.NotRecorded) {
      close(Refusals.of(e));
    } else if (closed != null) {
      call.close(closed.status(), closed.trailers()); // the method's own answer, which is not the outcome
    } else if (e instanceof RuntimeException own) {
      throw own; // the server deals with it as with any other
    } else {
      throw new IllegalStateException(e);
    }
  }

  private RunOptions run(Message message) throws InvalidProtocolBufferException {
    String method = call.getMethodDescriptor().getFullMethodName();
    Fingerprint fingerprint = StoredAnswers.fingerprint(method, message, options.exclude());
    String label = method.substring(0, Math.min(method.length(), LABEL_LENGTH_MAX));
    return options.run()
        .labels(Map.of("grpc.key", keys.key(), "grpc.method", label))
        .fingerprints(List.of(fingerprint));
  }

  private Result serve(Attempt attempt) throws Exception {
    hasRun = true;
    Context context = Context.current().withValue(IdempotencyInterceptor.ATTEMPT, attempt);
    context.call(() -> {
      ServerCall.Listener<Q> method = next.startCall(held, headers);
      method.onReady();
      method.onMessage(request);
      method.onHalfClose();
      return null;
    });
    closed = held.awaitClose();
    if (closed.status().isOk()) {
      return StoredAnswers.of(call.getMethodDescriptor(), held.message());
    }
    String answered = "the method answered " + closed.status().getCode();
    throw switch (options.verdict().apply(closed.status().getCode())) {
      case RELEASE -> new RetryableError(answered, retryDelay(), null);
      case HOLD -> new UnknownOutcomeError(answered);
      case STORE -> StoredAnswers.of(closed);
    };
  }

  private Duration retryDelay() throws InvalidProtocolBufferException {
    com.google.rpc.Status whole = StatusProto.fromStatusAndTrailers(closed.status(), closed.trailers());
    for (com.google.protobuf.Any detail : whole.getDetailsList()) {
      if (detail.is(RetryInfo.class)) {
        com.google.protobuf.Duration delay = detail.unpack(RetryInfo.class).getRetryDelay();
        return Duration.ofSeconds(delay.getSeconds(), delay.getNanos());
      }
    }
    return Duration.ZERO;
  }

  private void answer(Result result) {
    R message = StoredAnswers.message(call.getMethodDescriptor(), result);
    markReplay(result.isReplayed());
    call.sendHeaders(held.headers());
    call.sendMessage(message);
    call.close(io.grpc.Status.OK, closed == null ? new Metadata() : closed.trailers());
  }

  private void markReplay(boolean isReplayed) {
    if (isReplayed) {
      held.headers().put(REPLAYED, "true");
    }
  }

  private void close(StatusRuntimeException answer) {
    Metadata trailers = answer.getTrailers() == null ? new Metadata() : answer.getTrailers();
    if (held.headers().containsKey(REPLAYED)) {
      trailers.put(REPLAYED, "true");
    }
    call.close(answer.getStatus(), trailers);
  }
}
