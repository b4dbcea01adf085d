package dev.onced.grpc;

import dev.onced.Need;
import dev.onced.OncedClient;
import dev.onced.RunOptions;
import dev.onced.Verdict;
import io.grpc.Metadata;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.function.Function;

/** Options of an interceptor. */
public final class IdempotencyInterceptorBuilder {
  private final OncedClient client;
  private final String namespace;
  private final IdempotencyInterceptor.Scope scope;
  private Function<String, Need> need = method -> Need.OPTIONAL;
  private String keyHeader = "idempotency-key";
  private Function<Status.Code, Verdict> verdict = StatusCodes::verdict;
  private List<String> exclude = List.of();
  private Function<RunOptions, RunOptions> run = options -> options;

  IdempotencyInterceptorBuilder(OncedClient client, String namespace, IdempotencyInterceptor.Scope scope) {
    this.client = client;
    this.namespace = namespace;
    this.scope = scope;
  }

  /** Tells by its full name ("payments.v1.Payments/Charge") whether a method needs a key. Optional by default. */
  public IdempotencyInterceptorBuilder need(Function<String, Need> need) {
    this.need = need;
    return this;
  }

  /** Takes keys from other metadata. */
  public IdempotencyInterceptorBuilder keyHeader(String name) {
    keyHeader = name;
    return this;
  }

  /** Decides by its code what a failed call means for its key. {@link StatusCodes#verdict} by default. */
  public IdempotencyInterceptorBuilder verdict(Function<Status.Code, Verdict> verdict) {
    this.verdict = verdict;
    return this;
  }

  /** Leaves parts of the request's JSON out of its fingerprint. See {@link dev.onced.Fingerprints}. */
  public IdempotencyInterceptorBuilder exclude(String... pointers) {
    exclude = List.of(pointers);
    return this;
  }

  /** Changes the options of the run, such as its lease or its ttl. */
  public IdempotencyInterceptorBuilder run(Function<RunOptions, RunOptions> change) {
    run = change;
    return this;
  }

  public IdempotencyInterceptor build() {
    RunOptions options = RunOptions.defaults()
        .wait(Duration.ofSeconds(10)) // for the outcome of the first call; the caller's deadline may be sooner
        .beginTimeout(Duration.ofSeconds(5)) // then UNAVAILABLE: the caller may come back
        .recordWait(Duration.ofSeconds(10)); // a server's threads are few
    Metadata.Key<String> key = Metadata.Key.of(keyHeader, Metadata.ASCII_STRING_MARSHALLER);
    return new IdempotencyInterceptor(
        new InterceptorOptions(client, namespace, scope, need, key, verdict, exclude, run.apply(options)));
  }
}
