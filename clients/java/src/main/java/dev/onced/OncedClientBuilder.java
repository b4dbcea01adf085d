package dev.onced;

import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.TlsChannelCredentials;
import io.grpc.stub.MetadataUtils;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** Options of a client. */
public final class OncedClientBuilder {
  private final String target;
  private final List<ClientInterceptor> interceptors = new ArrayList<>();
  private ChannelCredentials credentials;
  private String owner = defaultOwner();
  private LogHook log = (level, message, fields, error) -> {};
  private TraceHook trace = (name, attributes) -> error -> {};
  private Json json = Json.gson();
  private Duration beginTimeout = Limits.BEGIN_TIMEOUT;
  private Duration lookupTimeout = Limits.LOOKUP_TIMEOUT;
  private Duration settleTimeout = Limits.SETTLE_TIMEOUT;
  private Duration settleFor = Limits.SETTLE_FOR;
  private RunOptions runDefaults = RunOptions.defaults();

  OncedClientBuilder(String target) {
    this.target = target;
  }

  /** Sends key as "authorization: Bearer" with every call. */
  public OncedClientBuilder apiKey(String key) {
    Metadata headers = new Metadata();
    headers.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + key);
    return interceptor(MetadataUtils.newAttachHeadersInterceptor(headers));
  }

  /**
   * Sets certificates. Without it, loopback targets are spoken to in plain text and all others over TLS with Java's
   * certificate authorities.
   */
  public OncedClientBuilder tls(ChannelCredentials credentials) {
    this.credentials = credentials;
    return this;
  }

  /** Speaks without TLS, also to targets that are not loopback, and sends an API key in the clear. */
  public OncedClientBuilder plaintext() {
    return tls(InsecureChannelCredentials.create());
  }

  /** Adds an interceptor of gRPC itself, such as one that traces. */
  public OncedClientBuilder interceptor(ClientInterceptor interceptor) {
    interceptors.add(interceptor);
    return this;
  }

  /** Names this process to people who look at a record. Up to 256 bytes; host and process id by default. */
  public OncedClientBuilder owner(String owner) {
    this.owner = owner;
    return this;
  }

  /** Silent by default. */
  public OncedClientBuilder log(LogHook log) {
    this.log = log;
    return this;
  }

  /** No tracing by default. */
  public OncedClientBuilder trace(TraceHook trace) {
    this.trace = trace;
    return this;
  }

  /** How requests and results become JSON; Gson by default. */
  public OncedClientBuilder json(Json json) {
    this.json = json;
    return this;
  }

  /** Bounds one try of BeginIntent, beside the wait that was asked for. 2 s. */
  public OncedClientBuilder beginTimeout(Duration timeout) {
    beginTimeout = timeout;
    return this;
  }

  /** Bounds one try of Lookup. 1 s. */
  public OncedClientBuilder lookupTimeout(Duration timeout) {
    lookupTimeout = timeout;
    return this;
  }

  /** Bounds one try of Complete, Fail and Checkpoint. 5 s. */
  public OncedClientBuilder settleTimeout(Duration timeout) {
    settleTimeout = timeout;
    return this;
  }

  /** Bounds all tries of Complete and Fail together. 24 h; closing the client ends them too. */
  public OncedClientBuilder settleFor(Duration total) {
    settleFor = total;
    return this;
  }

  /** Options of every run that is not given its own. */
  public OncedClientBuilder runDefaults(RunOptions options) {
    runDefaults = options;
    return this;
  }

  public OncedClient build() {
    ManagedChannel connection = connect();
    Channel channel = ClientInterceptors.intercept(connection, interceptors);
    ClientOptions options = new ClientOptions(
        owner, log, json, beginTimeout, lookupTimeout, settleTimeout, settleFor, runDefaults);
    return new OncedClient(connection, new Calls(connection, channel, log, trace), trace, timers(), options);
  }

  private ManagedChannel connect() {
    ManagedChannelBuilder<?> builder = Grpc.newChannelBuilder(target, transport());
    // This client retries by itself: the library's own retries know neither attempt ids nor budgets.
    return builder
        .disableRetry()
        .disableServiceConfigLookUp()
        .keepAliveTime(Limits.KEEPALIVE_AFTER.toNanos(), TimeUnit.NANOSECONDS)
        .keepAliveTimeout(Limits.KEEPALIVE_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS)
        .build();
  }

  private ChannelCredentials transport() {
    if (credentials != null) {
      return credentials;
    }
    return Loopback.isLoopback(target) ? InsecureChannelCredentials.create() : TlsChannelCredentials.create();
  }

  private static ScheduledThreadPoolExecutor timers() {
    ScheduledThreadPoolExecutor timers = new ScheduledThreadPoolExecutor(1, task -> {
      Thread thread = new Thread(task, "onced-leases");
      thread.setDaemon(true);
      return thread;
    });
    timers.setRemoveOnCancelPolicy(true);
    return timers;
  }

  private static String defaultOwner() {
    String host;
    try {
      host = InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      host = "unknown-host";
    }
    return Texts.cut(host, 200) + "/" + ProcessHandle.current().pid();
  }
}
