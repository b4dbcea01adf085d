package dev.onced;

import java.time.Duration;

/** What a client needs after its connection was made. Set by {@link OncedClient.Builder}. */
record ClientOptions(
    String owner,
    LogHook log,
    Json json,
    Duration beginTimeout,
    Duration lookupTimeout,
    Duration settleTimeout,
    Duration settleFor,
    RunOptions runDefaults) {}
