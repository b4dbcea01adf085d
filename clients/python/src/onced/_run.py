"""What run_once is made of, for both clients: the begin, and what a stored or a fresh outcome gives its caller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Generic, TypeVar, cast

from google.protobuf.timestamp_pb2 import Timestamp

from onced._claim import Won
from onced._core import duration_of
from onced._steps import Steps
from onced._values import StoredResult, decode_value, encode_value
from onced.attempt import BaseAttempt
from onced.errors import invalid_field
from onced.fingerprint import fingerprint_bytes, fingerprint_json
from onced.options import RunOptions
from onced.v1 import idempotency_pb2 as pb
from onced.v1.record_pb2 import Fingerprint, RecordSummary
from onced.work_errors import OutcomeNotRecordedError, ResultDroppedError

T = TypeVar("T")


@dataclass(frozen=True)
class RunResult(Generic[T]):
    """The result of an operation, now or earlier."""

    value: T
    """What the work returned, as its JSON says, or bytes. The same for the caller who ran it and those who get it replayed."""
    is_replayed: bool
    """An earlier call did the work; this one did nothing."""
    attempt: int
    """The attempt that did it."""
    fencing_token: int
    expire_time: datetime
    """From then on the key counts as never seen, and a retry would run again."""


def begin_request(namespace: str, key: str, request: object, run: RunOptions) -> pb.BeginIntentRequest:
    """Raises InvalidFieldError for what has no form on the wire, FingerprintError for a request that has none."""
    check_text("namespace", namespace)
    check_text("key", key)
    fingerprints = run["fingerprints"] if "fingerprints" in run else _fingerprints(request, run)
    asked = pb.BeginIntentRequest(
        namespace=namespace,
        key=key,
        fingerprints=fingerprints,
        owner=run.get("owner", ""),
        labels=dict(run.get("labels", {})),
    )
    if "lease_seconds" in run:
        asked.lease.CopyFrom(duration_of(run["lease_seconds"]))
    if "ttl_seconds" in run:
        asked.ttl.CopyFrom(duration_of(run["ttl_seconds"]))
    return asked


def _fingerprints(request: object, run: RunOptions) -> list[Fingerprint]:
    if request is None:
        return []
    if isinstance(request, Fingerprint):
        return [request]
    if isinstance(request, bytes):
        return [fingerprint_bytes(request)]
    return [fingerprint_json(request, exclude=run.get("exclude", ()))]


def check_text(name: str, value: object) -> None:
    """A key that somebody forgot (None) must not become a text that all who forgot theirs share."""
    if not isinstance(value, str):
        raise invalid_field(name, f"must be a str, found {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid_field(name, "holds half of a surrogate pair") from None


def renewal_of(won: Won) -> pb.RenewRequest:
    """The hold that the lease was won for."""
    renewal = pb.RenewRequest(
        namespace=won.request.namespace, key=won.request.key, lease_token=won.acquired.lease_token
    )
    if won.request.HasField("lease"):
        renewal.lease.CopyFrom(won.request.lease)
    return renewal


def record_returned(attempt: BaseAttempt, value: T) -> Steps[RunResult[T]]:
    """Raises OutcomeNotRecordedError."""
    try:
        stored = encode_value(value)
    except (TypeError, ValueError, RecursionError) as error:
        yield from attempt._settling.refused()
        raise OutcomeNotRecordedError(error, value=value) from error
    record: RecordSummary = yield from attempt._settling.returned(stored, value)
    return RunResult(
        cast(T, value if stored is value else decode_value(stored)),
        False,
        attempt.number,
        attempt.fencing_token,
        instant(record.expire_time),
    )


def replay(stored: pb.Completed, decode: Callable[[StoredResult], Any]) -> RunResult[Any]:
    """Raises ResultDroppedError."""
    if stored.result_dropped:
        raise ResultDroppedError(instant(stored.complete_time))
    result = StoredResult(stored.result, stored.content_type, stored.content_encoding, dict(stored.labels))
    return RunResult(decode(result), True, stored.attempt, stored.fencing_token, instant(stored.expire_time))


def instant(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(timezone.utc)
