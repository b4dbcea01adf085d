"""Calls with their tries: only what the server or the network asks to repeat, at random moments, out of a budget."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from onced import _limits as limits
from onced._channel import (
    BEGIN_INTENT,
    CHECKPOINT,
    CLAIM_ORPHANS,
    COMPLETE,
    FAIL,
    GET_SERVER_INFO,
    ISSUE_KEYS,
    LOOKUP,
    RENEW,
    Connection,
    Pending,
    Response,
    Rpc,
)
from onced._keeper import Keeper
from onced._steps import Call, Pause, Steps
from onced.errors import OncedError, deadline_exceeded
from onced.options import CallEnd, CallStart, ClientOptions
from onced.v1 import idempotency_pb2 as pb


@dataclass(frozen=True)
class Answered(Generic[Response]):
    """A response, and when it was asked for."""

    response: Response
    sent_at: float
    """time.monotonic() when the try that was answered was sent, at the latest. A lease in it counts from there."""


class Core:
    """One connection, its budget and its hooks. Safe for use by many threads."""

    def __init__(self, options: ClientOptions) -> None:
        self.options = options
        self.connection = Connection(options)
        self._budget = _Budget()
        self._keeper = Keeper()
        self._process = os.getpid()

    @property
    def keeper(self) -> Keeper:
        # A thread does not survive a fork.
        if self._process != os.getpid():
            self._keeper, self._process = Keeper(), os.getpid()
        return self._keeper

    def begin(
        self,
        request: pb.BeginIntentRequest,
        *,
        timeout_seconds: float | None = None,
        tries_max: int = limits.TRIES_MAX,
        on_abandoned: Callable[[Pending], None] | None = None,
    ) -> Steps[Answered[pb.BeginIntentResponse]]:
        request.attempt_id = request.attempt_id or new_attempt_id()
        request.owner = request.owner or self.options.owner_or_default()
        timeout = limits.BEGIN_TIMEOUT + seconds_of(request.wait) if timeout_seconds is None else timeout_seconds
        return (yield from self.call(BEGIN_INTENT, request, timeout, tries_max=tries_max, on_abandoned=on_abandoned))

    def complete(self, request: pb.CompleteRequest, timeout: float) -> Steps[Answered[pb.CompleteResponse]]:
        return (yield from self.call(COMPLETE, request, timeout))

    def fail(self, request: pb.FailRequest, timeout: float) -> Steps[Answered[pb.FailResponse]]:
        return (yield from self.call(FAIL, request, timeout))

    def lookup(self, request: pb.LookupRequest, timeout: float) -> Steps[Answered[pb.LookupResponse]]:
        return (yield from self.call(LOOKUP, request, timeout))

    def renew(self, request: pb.RenewRequest, timeout: float) -> Steps[Answered[pb.RenewResponse]]:
        return (yield from self.call(RENEW, request, timeout))

    def checkpoint(self, request: pb.CheckpointRequest, timeout: float) -> Steps[Answered[pb.CheckpointResponse]]:
        return (yield from self.call(CHECKPOINT, request, timeout))

    def issue_keys(self, request: pb.IssueKeysRequest, timeout: float) -> Steps[Answered[pb.IssueKeysResponse]]:
        return (yield from self.call(ISSUE_KEYS, request, timeout))

    def claim_orphans(
        self, request: pb.ClaimOrphansRequest, timeout: float
    ) -> Steps[Answered[pb.ClaimOrphansResponse]]:
        request.owner = request.owner or self.options.owner_or_default()
        return (yield from self.call(CLAIM_ORPHANS, request, timeout))

    def server_info(self, timeout: float) -> Steps[Answered[pb.GetServerInfoResponse]]:
        return (yield from self.call(GET_SERVER_INFO, pb.GetServerInfoRequest(), timeout))

    def call(
        self,
        rpc: Rpc[Response],
        request: Message,
        timeout_seconds: float,
        *,
        tries_max: int = limits.TRIES_MAX,
        on_abandoned: Callable[[Pending], None] | None = None,
    ) -> Steps[Answered[Response]]:
        """Ends within `timeout_seconds`, all tries and pauses included."""
        end = time.monotonic() + timeout_seconds
        tries = 0
        while True:
            tries += 1
            sent_at = time.monotonic()
            if sent_at >= end:
                raise deadline_exceeded(timeout_seconds)
            try:
                response = yield from self._one_try(
                    Call(rpc, request, end - sent_at, on_abandoned), rpc.response, tries
                )
            except OncedError as error:
                pause = self._pause_before_repeat(error, tries, tries_max)
                if pause is None or time.monotonic() + pause >= end:
                    raise
                self.options.log("debug", "trying again", rpc=rpc.name, tries=tries, reason=error.reason)
                yield Pause(pause)
            else:
                self._budget.succeeded()
                return Answered(response, sent_at)

    def _pause_before_repeat(self, error: OncedError, tries: int, tries_max: int) -> float | None:
        if not error.is_retryable or not self._budget.failed() or tries >= tries_max:
            return None
        return (error.retry_after_seconds or 0) + backoff(tries)

    def _one_try(self, call: Call, kind: type[Response], attempt: int) -> Steps[Response]:
        end = self._start_span(CallStart(call.rpc.name, getattr(call.request, "namespace", ""), attempt))
        code, reason = "CANCELLED", ""
        try:
            response = yield call
            assert isinstance(response, kind)
            code = "OK"
            return response
        except OncedError as error:
            code, reason = error.code, error.reason
            raise
        finally:
            end(code, reason)

    def _start_span(self, start: CallStart) -> Callable[[str, str], None]:
        """Tells the hook how the try ended. A hook that raises breaks no call."""
        on_call, started_at = self.options.on_call, time.monotonic()
        if on_call is None:
            return lambda code, reason: None
        try:
            on_end = on_call(start)
        except Exception:  # noqa: BLE001
            return lambda code, reason: None

        def end(code: str, reason: str) -> None:
            if on_end is not None:
                with contextlib.suppress(Exception):
                    on_end(CallEnd(code, reason, time.monotonic() - started_at))

        return end

    def pause_unanswered(self, unanswered: int) -> float:
        """Within the budget for repeats soon, beyond it slowly."""
        if self._budget.is_used_up:
            return limits.BACKOFF_MAX * (0.5 + random.random())
        return backoff(unanswered)


class _Budget:
    """Keeps repeats from multiplying the load on a server that is already failing, as in gRPC's own throttling."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens = limits.BUDGET_TOKENS

    def succeeded(self) -> None:
        with self._lock:
            self._tokens = min(limits.BUDGET_TOKENS, self._tokens + limits.BUDGET_REFILL)

    def failed(self) -> bool:
        """Tells whether a repeat is allowed."""
        with self._lock:
            self._tokens = max(0, self._tokens - 1)
            return self._tokens > limits.BUDGET_TOKENS / 2

    @property
    def is_used_up(self) -> bool:
        with self._lock:
            return self._tokens <= limits.BUDGET_TOKENS / 2


def backoff(tries: int, longest: float = limits.BACKOFF_MAX) -> float:
    """Full jitter: anything from nothing to the bound, so that clients that failed together come back apart."""
    return random.random() * float(min(longest, limits.BACKOFF_BASE * 2 ** min(tries - 1, 16)))


def new_attempt_id() -> str:
    return str(uuid.uuid4())


def seconds_of(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def duration_of(seconds: float) -> Duration:
    """Rounded to whole milliseconds."""
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration
