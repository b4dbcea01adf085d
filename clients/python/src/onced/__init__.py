"""Onced for Python: ask before a side effect, tell afterwards, and a retried payment is charged once.

Client is for threads, AsyncClient for asyncio; both have run_once. Errors of calls are in onced.errors, what work raises
and what run_once ends with in onced.work_errors, the API's own messages in onced.v1.
"""

import onced._quiet  # noqa: F401 -- before anything loads gRPC
from onced._reconcile import Reconciled
from onced._run import RunResult
from onced._values import StoredResult
from onced.aio import AsyncClient
from onced.attempt import AsyncAttempt, Attempt, current_attempt
from onced.client import Client
from onced.errors import (
    AlreadySettledError,
    AttemptEndedError,
    ClosedError,
    DeadlineExceededError,
    IntentNotFoundError,
    InternalError,
    InvalidFieldError,
    KeyNotIssuedError,
    KeyReusedError,
    LeaseLostError,
    NamespaceNotFoundError,
    OncedError,
    OverloadedError,
    PermissionDeniedError,
    QuotaExceededError,
    StoreUnavailableError,
    UnauthenticatedError,
    UnimplementedError,
    UnreachableError,
)
from onced.fingerprint import (
    FingerprintError,
    canonical_json,
    derive_key,
    fingerprint_bytes,
    fingerprint_json,
    fingerprint_json_text,
)
from onced.options import CallEnd, CallStart, LogEntry, RunOptions, ThrowMeans, Tls
from onced.work_errors import (
    FinalError,
    InProgressError,
    IntentFailedError,
    LeaseEndingError,
    OrphanedError,
    OutcomeNotRecordedError,
    ResultDroppedError,
    RetryableError,
    RetryLaterError,
    RunError,
    UnknownOutcomeError,
)

__all__ = [
    "AlreadySettledError",
    "AsyncAttempt",
    "AsyncClient",
    "Attempt",
    "AttemptEndedError",
    "CallEnd",
    "CallStart",
    "Client",
    "ClosedError",
    "DeadlineExceededError",
    "FinalError",
    "FingerprintError",
    "InProgressError",
    "IntentFailedError",
    "IntentNotFoundError",
    "InternalError",
    "InvalidFieldError",
    "KeyNotIssuedError",
    "KeyReusedError",
    "LeaseEndingError",
    "LeaseLostError",
    "LogEntry",
    "NamespaceNotFoundError",
    "OncedError",
    "OrphanedError",
    "OutcomeNotRecordedError",
    "OverloadedError",
    "PermissionDeniedError",
    "QuotaExceededError",
    "Reconciled",
    "ResultDroppedError",
    "RetryLaterError",
    "RetryableError",
    "RunError",
    "RunOptions",
    "RunResult",
    "StoreUnavailableError",
    "StoredResult",
    "ThrowMeans",
    "Tls",
    "UnauthenticatedError",
    "UnimplementedError",
    "UnknownOutcomeError",
    "UnreachableError",
    "canonical_json",
    "current_attempt",
    "derive_key",
    "fingerprint_bytes",
    "fingerprint_json",
    "fingerprint_json_text",
]
