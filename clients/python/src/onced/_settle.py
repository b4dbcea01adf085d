"""Records how work ended, and does not give up: an outcome that is lost is what causes a duplicate."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from onced import _limits as limits
from onced._channel import Response
from onced._core import Answered, Core, backoff, duration_of
from onced._steps import Pause, Steps
from onced._values import StoredResult
from onced.errors import DeadlineExceededError, InternalError, InvalidFieldError, OncedError
from onced.options import RunOptions, ThrowMeans
from onced.v1 import idempotency_pb2 as pb
from onced.v1.record_pb2 import IntentError, RecordSummary
from onced.work_errors import (
    FinalError,
    IntentFailedError,
    OutcomeNotRecordedError,
    RetryableError,
    UnknownOutcomeError,
    WorkError,
)

_KINDS = {"retryable": pb.FAIL_KIND_RETRYABLE, "final": pb.FAIL_KIND_FINAL, "unknown": pb.FAIL_KIND_UNKNOWN}


class Settling:
    """The settling calls of one attempt, each repeated until it is answered."""

    def __init__(self, core: Core, renewal: pb.RenewRequest, run: RunOptions) -> None:
        self._core = core
        self._renewal = renewal
        self._run = run

    def returned(self, result: StoredResult, value: Any) -> Steps[RecordSummary]:
        """Records a result. Raises OutcomeNotRecordedError."""
        request = pb.CompleteRequest(
            namespace=self._renewal.namespace,
            key=self._renewal.key,
            lease_token=self._renewal.lease_token,
            result=result.data,
            content_type=result.content_type,
            content_encoding=result.content_encoding,
            labels=dict(result.labels),
        )
        self._set_ttl(request)
        try:
            answer = yield from self._to_the_end(lambda: self._core.complete(request, limits.SETTLE_TIMEOUT))
        except OncedError as error:
            if isinstance(error, InvalidFieldError):
                yield from self.refused()
            raise OutcomeNotRecordedError(error, value=value) from error
        return answer.response.record

    def raised(self, thrown: BaseException) -> Steps[Exception | None]:
        """Records a failure. Returns what the caller gets instead of what the work raised, if anything."""
        means = self._meaning(thrown)
        request = self._fail_request(means, _intent_error(thrown))
        if isinstance(thrown, RetryableError) and thrown.retry_after_seconds > 0:
            request.retry_after.CopyFrom(duration_of(thrown.retry_after_seconds))
        if means == "final":  # an unknown outcome is kept for as long as the namespace keeps those
            self._set_ttl(request)
        # An interrupt must not wait for a server that is away.
        patience = None if isinstance(thrown, Exception) else limits.LEAVE_FOR
        try:
            yield from self._to_the_end(lambda: self._core.fail(request, limits.SETTLE_TIMEOUT), patience)
        except OncedError as error:
            if isinstance(error, InvalidFieldError):
                yield from self.refused()
            if means == "final":
                return OutcomeNotRecordedError(error, work_error=thrown)
            self._core.options.log("warning", "a failure could not be recorded", kind=means, reason=error.reason)
            return None
        return IntentFailedError(request.error, is_replayed=False) if means == "final" else None

    def refused(self) -> Steps[None]:
        """An outcome that cannot be stored (it has no JSON, or is too large) must still keep anybody from doing it again.

        If this fails too, the lease runs out and the next attempt is told that it takes over.
        """
        error = IntentError(code="OUTCOME_REFUSED", message="the work ended, but its outcome could not be stored")
        request = self._fail_request("unknown", error)
        try:
            yield from self._to_the_end(lambda: self._core.fail(request, limits.SETTLE_TIMEOUT))
        except OncedError as failure:
            self._core.options.log("warning", "a failure could not be recorded", kind="unknown", reason=failure.reason)

    def _to_the_end(
        self, settle: Callable[[], Steps[Answered[Response]]], patience: float | None = None
    ) -> Steps[Answered[Response]]:
        """Raises the answer that no repeat would change, or the last trouble when the time is over."""
        if patience is None:
            patience = self._run.get("settle_timeout_seconds", limits.SETTLE_FOR)
        end = time.monotonic() + patience
        tries = 0
        while True:
            tries += 1
            try:
                return (yield from settle())
            except OncedError as error:
                # Nothing is known of the call's effect, and the token makes its repeat safe. A bug of the server may pass
                # with a restart.
                may_still_land = error.is_retryable or isinstance(error, (DeadlineExceededError, InternalError))
                pause = backoff(tries, limits.SETTLE_BACKOFF_MAX)
                if not may_still_land or time.monotonic() + pause >= end:
                    raise
                self._core.options.log("warning", "an outcome could not be recorded yet: trying on", tries=tries)
                yield Pause(pause)

    def _meaning(self, thrown: BaseException) -> ThrowMeans:
        if isinstance(thrown, FinalError):
            return "final"
        if isinstance(thrown, UnknownOutcomeError):
            return "unknown"
        if isinstance(thrown, RetryableError):
            return "retryable"
        try:
            return self._run.get("on_throw", _unknown)(thrown)
        except Exception:  # noqa: BLE001
            return "unknown"  # whoever cannot tell does not know

    def _fail_request(self, means: ThrowMeans, error: IntentError) -> pb.FailRequest:
        return pb.FailRequest(
            namespace=self._renewal.namespace,
            key=self._renewal.key,
            lease_token=self._renewal.lease_token,
            kind=_KINDS[means],
            error=error,
        )

    def _set_ttl(self, request: pb.CompleteRequest | pb.FailRequest) -> None:
        if "ttl_seconds" in self._run:
            request.ttl.CopyFrom(duration_of(self._run["ttl_seconds"]))


def _unknown(thrown: BaseException) -> ThrowMeans:
    return "unknown"


def _intent_error(thrown: BaseException) -> IntentError:
    code, detail, content_type = type(thrown).__name__, b"", ""
    if isinstance(thrown, WorkError):
        code, detail, content_type = thrown.code, thrown.detail, thrown.content_type
    return IntentError(
        code=cut(code, limits.CODE_BYTES_MAX),
        message=cut(str(thrown), limits.MESSAGE_BYTES_MAX),
        detail=detail,
        content_type=content_type,
    )


def cut(text: str, bytes_max: int) -> str:
    """The longest start of the text that fits, without half a character at its end."""
    return text.encode(errors="replace")[:bytes_max].decode(errors="ignore")
