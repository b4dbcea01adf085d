package dev.onced.http;

import dev.onced.Need;
import dev.onced.OncedClient;
import dev.onced.RunOptions;
import dev.onced.Verdict;
import jakarta.servlet.http.HttpServletRequest;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntFunction;

/** What a filter is made of. Set by {@link IdempotencyFilterBuilder}. */
record FilterOptions(
    OncedClient client,
    String namespace,
    IdempotencyFilter.Scope scope,
    Function<HttpServletRequest, Need> need,
    String keyHeader,
    IntFunction<Verdict> verdict,
    List<String> replayedHeaders,
    int requestBytesMax,
    int responseBytesMax,
    List<String> exclude,
    RunOptions run) {}
