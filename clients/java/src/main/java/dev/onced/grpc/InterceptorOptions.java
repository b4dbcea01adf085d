package dev.onced.grpc;

import dev.onced.Need;
import dev.onced.OncedClient;
import dev.onced.RunOptions;
import dev.onced.Verdict;
import io.grpc.Metadata;
import io.grpc.Status;
import java.util.List;
import java.util.function.Function;

/** What an interceptor is made of. Set by {@link IdempotencyInterceptorBuilder}. */
record InterceptorOptions(
    OncedClient client,
    String namespace,
    IdempotencyInterceptor.Scope scope,
    Function<String, Need> need,
    Metadata.Key<String> keyHeader,
    Function<Status.Code, Verdict> verdict,
    List<String> exclude,
    RunOptions run) {}
