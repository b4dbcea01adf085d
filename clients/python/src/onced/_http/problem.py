"""Refusals by RFC 9457. The type tells programs the reason. Nothing of the stored request is ever told."""

from __future__ import annotations

import json
import math

from onced._http.response import Response
from onced.errors import DeadlineExceededError, KeyReusedError, OncedError
from onced.work_errors import (
    InProgressError,
    IntentFailedError,
    OrphanedError,
    ResultDroppedError,
    RetryLaterError,
)

_PROBLEMS = {
    "key-missing": (400, "Idempotency key missing"),
    "key-malformed": (400, "Idempotency key malformed"),
    "unreadable": (400, "Request unreadable"),
    "unauthenticated": (401, "Caller unknown"),
    "in-progress": (409, "Request in progress"),
    "outcome-unknown": (409, "Outcome unknown"),
    "failed": (409, "Request failed for good"),
    "response-not-kept": (410, "Response not kept"),
    "too-large": (413, "Request too large"),
    "key-reused": (422, "Idempotency key reused"),
    "refused": (500, "Idempotency misconfigured"),
    "unavailable": (503, "Idempotency unavailable"),
}
REPLAYED = ("Idempotency-Replayed", "true")


def problem(kind: str, detail: str, *headers: tuple[str, str]) -> Response:
    status, title = _PROBLEMS[kind]
    body = {"type": f"urn:onced:problem:{kind}", "title": title, "status": status, "detail": detail}
    return Response(status, [("Content-Type", "application/problem+json"), *headers], json.dumps(body).encode())


def refusal(error: Exception) -> Response:
    """The answer to a request whose handler did not run."""
    match error:
        case InProgressError():
            return _later("in-progress", "the first request with this key is still running", error.retry_after_seconds)
        case RetryLaterError():
            detail = "the request may be tried again later, with the same key"
            return _later("in-progress", detail, error.retry_after_seconds)
        case KeyReusedError():
            return problem("key-reused", "this key stands for another request; use a new key for a new request")
        case OrphanedError():
            detail = "nobody knows whether the first request took effect; somebody is to look into it"
            return problem("outcome-unknown", detail)
        case ResultDroppedError():
            return problem(
                "response-not-kept", "the request was carried out; its response is past its retention", REPLAYED
            )
        case IntentFailedError():
            return problem("failed", "the request failed for good; a new try needs a new key", REPLAYED)
        case OncedError() if error.is_retryable or isinstance(error, DeadlineExceededError):
            after = max(error.retry_after_seconds or 0, 1)
            return _later("unavailable", "nothing was done; try again with the same key", after)
        case _:
            return problem("refused", "the idempotency service refused the request")


def _later(kind: str, detail: str, after_seconds: float) -> Response:
    """Rounded up, since the header has whole seconds."""
    return problem(kind, detail, ("Retry-After", str(max(1, math.ceil(after_seconds)))))
