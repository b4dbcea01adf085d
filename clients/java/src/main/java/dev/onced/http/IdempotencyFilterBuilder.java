package dev.onced.http;

import dev.onced.Need;
import dev.onced.OncedClient;
import dev.onced.RunOptions;
import dev.onced.Verdict;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntFunction;

/** Options of a filter. */
public final class IdempotencyFilterBuilder {
  private static final Set<String> NEEDY_METHODS = Set.of("POST", "PATCH");

  private final OncedClient client;
  private final String namespace;
  private final IdempotencyFilter.Scope scope;
  private final List<String> replayedHeaders = new ArrayList<>(List.of(
      "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "ETag",
      "Last-Modified", "Link", "Location", "Vary"));
  private Function<HttpServletRequest, Need> need =
      request -> NEEDY_METHODS.contains(request.getMethod()) ? Need.REQUIRED : Need.NEVER;
  private String keyHeader = "Idempotency-Key";
  private IntFunction<Verdict> verdict = Statuses::verdict;

  /** A request is held in memory while its fingerprint is made. */
  private int requestBytesMax = 1 << 20;

  /** Below the server's default of 256 KiB, with room for headers. */
  private int responseBytesMax = 250 << 10;

  private List<String> exclude = List.of();
  private Function<RunOptions, RunOptions> run = options -> options;

  IdempotencyFilterBuilder(OncedClient client, String namespace, IdempotencyFilter.Scope scope) {
    this.client = client;
    this.namespace = namespace;
    this.scope = scope;
  }

  /** Tells which requests must, may or need not carry a key. POST and PATCH must by default, all others pass. */
  public IdempotencyFilterBuilder need(Function<HttpServletRequest, Need> need) {
    this.need = need;
    return this;
  }

  /** Takes keys from another header. */
  public IdempotencyFilterBuilder keyHeader(String name) {
    keyHeader = name;
    return this;
  }

  /** Decides by its status what a response means for its key. {@link Statuses#verdict} by default. */
  public IdempotencyFilterBuilder verdict(IntFunction<Verdict> verdict) {
    this.verdict = verdict;
    return this;
  }

  /** Adds headers that are stored and replayed. Never name one that holds a secret, such as Set-Cookie. */
  public IdempotencyFilterBuilder replayedHeaders(String... names) {
    replayedHeaders.addAll(List.of(names));
    return this;
  }

  /** Bounds requests with a key; larger ones get 413. 1 MiB by default. */
  public IdempotencyFilterBuilder requestBytesMax(int bytes) {
    requestBytesMax = bytes;
    return this;
  }

  /**
   * Bounds what is stored. The body of a larger response reaches its caller, but is not kept: repeats get 410. 250 KiB by
   * default; the namespace's result_bytes_max must be larger.
   */
  public IdempotencyFilterBuilder responseBytesMax(int bytes) {
    responseBytesMax = bytes;
    return this;
  }

  /** Leaves parts of a JSON body out of the fingerprint. See {@link dev.onced.Fingerprints}. */
  public IdempotencyFilterBuilder exclude(String... pointers) {
    exclude = List.of(pointers);
    return this;
  }

  /**
   * Changes the options of the run, such as its lease, its ttl, or its wait, to wait for an outcome instead of answering 409
   * at once.
   */
  public IdempotencyFilterBuilder run(Function<RunOptions, RunOptions> change) {
    run = change;
    return this;
  }

  public IdempotencyFilter build() {
    RunOptions options = RunOptions.defaults()
        .wait(Duration.ZERO)
        .beginTimeout(Duration.ofSeconds(5)) // then 503: the client may come back
        .recordWait(Duration.ofSeconds(10)); // a container's threads are few
    return new IdempotencyFilter(new FilterOptions(
        client, namespace, scope, need, keyHeader, verdict, List.copyOf(replayedHeaders), requestBytesMax,
        responseBytesMax, exclude, run.apply(options)));
  }
}
