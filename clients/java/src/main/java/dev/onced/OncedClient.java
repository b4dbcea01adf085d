package dev.onced;

import dev.onced.v1.BeginIntentRequest;
import dev.onced.v1.BeginIntentResponse;
import dev.onced.v1.CheckpointRequest;
import dev.onced.v1.CheckpointResponse;
import dev.onced.v1.CompleteRequest;
import dev.onced.v1.CompleteResponse;
import dev.onced.v1.FailRequest;
import dev.onced.v1.FailResponse;
import dev.onced.v1.GetServerInfoRequest;
import dev.onced.v1.GetServerInfoResponse;
import dev.onced.v1.IdempotencyServiceGrpc;
import dev.onced.v1.IntentRecord;
import dev.onced.v1.LookupRequest;
import dev.onced.v1.RenewRequest;
import dev.onced.v1.RenewResponse;
import io.grpc.ManagedChannel;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.ScheduledExecutorService;

/**
 * Talks to one Onced server or cluster: asks "may I do this, or was it done?" before a side effect, and tells the outcome
 * afterwards. Safe for use by several threads; make one per process and close it at the end.
 */
public final class OncedClient implements AutoCloseable {
  final ClientOptions options;
  final Calls calls;
  final ScheduledExecutorService timers;

  private final ManagedChannel connection;
  private final TraceHook trace;

  OncedClient(ManagedChannel connection, Calls calls, TraceHook trace, ScheduledExecutorService timers, ClientOptions options) {
    this.connection = connection;
    this.calls = calls;
    this.trace = trace;
    this.timers = timers;
    this.options = options;
  }

  /** A client for target, such as "127.0.0.1:50051" or "dns:///onced.internal:443". It connects on first use. */
  public static OncedClientBuilder builder(String target) {
    return new OncedClientBuilder(target);
  }

  /** A client with default options. */
  public static OncedClient connect(String target) {
    return builder(target).build();
  }

  /** The same as the longer form, with the run options of the client. */
  public <T, E extends Exception> T runOnce(
      String namespace, String key, Object request, Class<T> type, Work<T, E> work) throws E {
    return runOnce(namespace, key, request, type, work, options.runDefaults());
  }

  /** The same, with results as JSON of a class. */
  public <T, E extends Exception> T runOnce(
      String namespace, String key, Object request, Class<T> type, Work<T, E> work, RunOptions run) throws E {
    return runOnce(namespace, key, request, new JsonCodec<>(options.json(), type), work, run);
  }

  /**
   * Runs work unless key was done before, and returns the stored result if it was.
   *
   * <p>request is what the key stands for; the same key with another request is refused with {@link
   * OncedException.KeyReused}. Its fingerprint is that of its JSON, of its bytes for byte[]; null for no check. A {@link
   * dev.onced.v1.Fingerprint} is taken as it is.
   *
   * <p>An exception of the work decides over the key: see {@link FinalError}, {@link RetryableError} and {@link
   * UnknownOutcomeError}. Any other counts as unknown, which holds the key, unless {@link RunOptions#classify} translates it.
   *
   * <p>Interrupting the thread ends the waiting for somebody else; once the work has begun it interrupts the work, and its
   * outcome is recorded all the same. So does the end of the gRPC call in which this runs, but for the work.
   *
   * @throws RunException when the work does not run, or its outcome could not be recorded
   * @throws OncedException when the server refuses, or cannot be reached
   * @throws FingerprintException when the request has no fingerprint
   * @throws E of the work
   */
  public <T, E extends Exception> T runOnce(
      String namespace, String key, Object request, Codec<T> codec, Work<T, E> work, RunOptions run) throws E {
    Result result = run(namespace, key, Runs.withFingerprint(run, options.json(), request), attempt -> {
      T value = work.run(attempt);
      try {
        return codec.encode(value);
      } catch (RuntimeException e) {
        throw Settling.outcomeRefused(e); // the work was done, so it must not be repeated
      }
    });
    return codec.decode(result); // also after the work ran now, so that its caller and later ones get the same
  }

  /** {@link #runOnce} for results that are bytes already. */
  public <E extends Exception> Result run(String namespace, String key, RunOptions run, Work<Result, E> work) throws E {
    TraceHook.Span span = trace.start("onced.run", Map.of("namespace", namespace));
    try {
      Result result = Runs.run(this, namespace, key, run, work);
      span.end(null);
      return result;
    } catch (Throwable e) {
      span.end(e);
      throw e;
    }
  }

  /**
   * Asks whether the side effect may be done now, with the attempt_id and owner of the request, or made ones where they are
   * empty. Count a lease in the answer from before you called. Most programs want runOnce instead.
   */
  public BeginIntentResponse begin(BeginIntentRequest request) {
    BeginIntentRequest.Builder whole = request.toBuilder();
    if (request.getAttemptId().isEmpty()) {
      whole.setAttemptId(Claim.newAttemptId());
    }
    if (request.getOwner().isEmpty()) {
      whole.setOwner(options.owner());
    }
    Duration timeout = options.beginTimeout().plus(Durations.of(request.getWait()));
    return calls.call(IdempotencyServiceGrpc.getBeginIntentMethod(), whole.build(), timeout).response();
  }

  /** Records a result, and keeps trying until it is recorded, refused for good, or settleFor is over. */
  public CompleteResponse complete(CompleteRequest request) {
    return calls.callToTheEnd(
        IdempotencyServiceGrpc.getCompleteMethod(), request, options.settleTimeout(), options.settleFor());
  }

  /** Ends an attempt without a result. It keeps trying as complete does. */
  public FailResponse fail(FailRequest request) {
    return calls.callToTheEnd(
        IdempotencyServiceGrpc.getFailMethod(), request, options.settleTimeout(), options.settleFor());
  }

  /** Shows a record without taking anything. */
  public IntentRecord lookup(String namespace, String key, boolean includeResult) {
    LookupRequest request =
        LookupRequest.newBuilder().setNamespace(namespace).setKey(key).setIncludeResult(includeResult).build();
    return calls.call(IdempotencyServiceGrpc.getLookupMethod(), request, options.lookupTimeout()).response().getRecord();
  }

  /** Keeps a lease. runOnce does it by itself. */
  public RenewResponse renew(RenewRequest request) {
    return calls.call(IdempotencyServiceGrpc.getRenewMethod(), request, options.settleTimeout()).response();
  }

  /** Saves bytes for whoever attempts next, and keeps the lease. Inside runOnce use {@link Attempt#saveCheckpoint}. */
  public CheckpointResponse checkpoint(CheckpointRequest request) {
    return calls.call(IdempotencyServiceGrpc.getCheckpointMethod(), request, options.settleTimeout()).response();
  }

  /** What the server is, and what an acknowledgement means on its store. */
  public GetServerInfoResponse serverInfo() {
    GetServerInfoRequest request = GetServerInfoRequest.getDefaultInstance();
    return calls.call(IdempotencyServiceGrpc.getGetServerInfoMethod(), request, options.lookupTimeout()).response();
  }

  /** Ends the connection. Calls under way fail, and outcomes that are still being recorded are given up. */
  @Override
  public void close() {
    connection.shutdownNow();
    timers.shutdownNow();
  }

  void warn(String message, String namespace, String key, Throwable error) {
    log(System.Logger.Level.WARNING, message, namespace, key, error);
  }

  void error(String message, String namespace, String key, Throwable error) {
    log(System.Logger.Level.ERROR, message, namespace, key, error);
  }

  private void log(System.Logger.Level level, String message, String namespace, String key, Throwable error) {
    // What the server's log shows of a key: enough to find its lines, too little to guess it from.
    byte[] digest = Fingerprints.sha256(key.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    String keyHash = HexFormat.of().formatHex(digest, 0, 6);
    options.log().log(level, message, Map.of("namespace", namespace, "key_hash", keyHash), error);
  }
}
