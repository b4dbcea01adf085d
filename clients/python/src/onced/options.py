"""What clients are made of, and what one run can be told. Times are seconds."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from onced.v1.record_pb2 import Fingerprint

ThrowMeans = Literal["retryable", "final", "unknown"]
"""retryable: it did not happen, another attempt may start. final: it never will. unknown: held for review."""


@dataclass(frozen=True)
class Tls:
    """Certificates, as the contents of PEM files."""

    root_certificates: bytes | None = None
    """Certificate authorities to trust. None: the machine's."""
    private_key: bytes | None = None
    """This client's own key, for mutual TLS."""
    certificate_chain: bytes | None = None
    """The certificate chain of `private_key`."""
    server_name: str | None = None
    """Name to expect in the server's certificate. None: the host of the address."""


@dataclass(frozen=True)
class LogEntry:
    """What the log hook is told. Never a payload, a key or a token."""

    level: Literal["debug", "info", "warning"]
    message: str
    fields: Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class CallStart:
    """One try of a call."""

    rpc: str
    """Name of the RPC, such as BeginIntent."""
    namespace: str
    attempt: int
    """1 for the first try."""


@dataclass(frozen=True)
class CallEnd:
    """How a try ended."""

    code: str
    """Name of the gRPC code."""
    reason: str
    """Empty when it went well."""
    duration_seconds: float


OnLog = Callable[[LogEntry], None]
OnCall = Callable[[CallStart], "Callable[[CallEnd], None] | None"]


@dataclass(frozen=True)
class ClientOptions:
    """Keyword arguments of Client and AsyncClient."""

    address: str
    """host:port of the server's gRPC listener, or another gRPC target such as dns:///onced.internal:443."""
    token: str | Callable[[], str] | None = None
    """API key or bearer token, sent with every call. A function is asked for each call; it must not block."""
    tls: bool | Tls | None = None
    """True: TLS with the machine's certificate authorities; Tls: with these. False: plain text, also for a token. None: plain
    text for loopback, TLS for everything else."""
    owner: str | None = None
    """Who asks, for people; shown to other callers of the namespace. Up to 256 bytes. None: host name and process id."""
    on_log: OnLog | None = None
    """Told of repeats, renewals that failed, leases that were lost and the like. May be called on any thread."""
    on_call: OnCall | None = None
    """Told when each try of a call starts; what it returns is told how it ended. For spans. May be called on any thread."""

    def owner_or_default(self) -> str:
        return f"{socket.gethostname()[:200]}/{os.getpid()}" if self.owner is None else self.owner

    def log(self, level: Literal["debug", "info", "warning"], message: str, **fields: str | int | float | bool) -> None:
        """A hook that raises must not break a call."""
        if self.on_log is None:
            return
        with contextlib.suppress(Exception):
            self.on_log(LogEntry(level, message, fields))


class RunOptions(TypedDict, total=False):
    """Keyword arguments of run_once, attempt, once and the adapters. What is left out is the namespace's choice."""

    lease_seconds: float
    """How long the lease lasts without renewal. 0.1 to 86,400. Default: the namespace's (30)."""
    ttl_seconds: float
    """How long the outcome is kept. 1 to 34,560,000. Default: the namespace's (a day). Longer than your retries!"""
    wait_seconds: float
    """How long to wait for the outcome of somebody else who is at it. Default: 60; 0 for no waiting."""
    begin_timeout_seconds: float
    """How long to go on asking a server that does not answer. Default: 60."""
    settle_timeout_seconds: float
    """How long to go on trying to record the outcome. Default: 86,400, a day."""
    hold_seconds_max: float
    """After this time the lease is renewed no more, so that work that hangs does not hold its key for ever. Default: never
    here; the namespace's total hold (a day) ends it."""
    fingerprints: Sequence[Fingerprint]
    """Instead of the request's own fingerprint, such as two while a scheme changes. Up to 4."""
    exclude: Sequence[str]
    """Parts of the request that do not belong to its meaning; see fingerprint_json."""
    owner: str
    """Who asks, for people. Default: the client's."""
    labels: Mapping[str, str]
    """For people and tools, such as a trace id. Up to 16 of 64 + 256 bytes."""
    on_throw: Callable[[BaseException], ThrowMeans]
    """What it means when the work raises something else than FinalError, RetryableError or UnknownOutcomeError.

    Default: unknown. Whoever raises without saying more has most often lost the answer of something it called, and then
    the side effect may have happened. To let the next caller try again would be convenient in all the other cases, and
    charge a customer twice in this one. Give `lambda error: "retryable"` for work that is safe to repeat.
    """
