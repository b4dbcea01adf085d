"""What work raises to say how it failed, and what run_once raises to say how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from onced.v1.idempotency_pb2 import Failed, InProgress, Orphaned, RetryLater
from onced.v1.record_pb2 import ORPHAN_CAUSE_HOLDER_UNKNOWN, IntentError


class WorkError(Exception):
    """What the three classes that work may raise have in common."""

    def __init__(self, message: str, *, code: str = "", detail: bytes = b"", content_type: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).__name__
        """For programs. 1 to 128 bytes; the name of the class by default."""
        self.detail = detail
        """Anything else, replayed byte for byte. Up to 4 KiB."""
        self.content_type = content_type
        """Media type of `detail`."""


class FinalError(WorkError):
    """Raise it when the side effect did not happen and never will: every later caller gets this error too."""


class RetryableError(WorkError):
    """Raise it when the side effect did certainly not happen: another attempt may start."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float = 0,
        code: str = "",
        detail: bytes = b"",
        content_type: str = "",
    ) -> None:
        super().__init__(message, code=code, detail=detail, content_type=content_type)
        self.retry_after_seconds = retry_after_seconds
        """No new attempt starts before this time has passed."""


class UnknownOutcomeError(WorkError):
    """Raise it when you cannot know whether the side effect happened: the key is held until somebody has found out."""


class RunError(Exception):
    """Why run_once has no result. The subclass says which."""


class IntentFailedError(RunError):
    """The operation has failed for good, now or in an earlier call. A new try needs a new key."""

    def __init__(self, error: IntentError, *, is_replayed: bool) -> None:
        super().__init__(f"failed for good: {error.code}: {error.message}")
        self.error = error
        """As the work gave it; code ATTEMPTS_EXHAUSTED when the namespace allows no more attempts."""
        self.is_replayed = is_replayed
        """An earlier call failed, this one did nothing."""

    @classmethod
    def replay(cls, stored: Failed) -> IntentFailedError:
        return cls(stored.error, is_replayed=True)


class InProgressError(RunError):
    """Somebody else was at it for all of the time that this caller had. Ask again later, with the same key."""

    def __init__(self, answer: InProgress) -> None:
        super().__init__(f"attempt {answer.attempt} by {answer.owner!r} is still in progress")
        self.answer = answer
        self.retry_after_seconds = answer.retry_after.ToTimedelta().total_seconds()


class RetryLaterError(RunError):
    """The last attempt was released with a delay beyond the time that this caller had. Ask again later, with the same key."""

    def __init__(self, answer: RetryLater) -> None:
        self.answer = answer
        self.retry_after_seconds = answer.retry_after.ToTimedelta().total_seconds()
        super().__init__(f"attempt {answer.attempt} was released; the next may start in {self.retry_after_seconds} s")


class OrphanedError(RunError):
    """Nobody knows whether the side effect happened. A person, or reconcile, must find out."""

    def __init__(self, answer: Orphaned) -> None:
        is_unknown = answer.orphan.cause == ORPHAN_CAUSE_HOLDER_UNKNOWN
        why = "its holder did not know" if is_unknown else "its lease ran out"
        super().__init__(
            f"nobody knows whether attempt {answer.attempt} took effect ({why}): reconcile or resolve it first"
        )
        self.answer = answer


class ResultDroppedError(RunError):
    """It was done, but its result was dropped after the retention of results."""

    def __init__(self, complete_time: datetime) -> None:
        super().__init__(f"done at {complete_time.isoformat()}; the result was dropped since, have it from elsewhere")
        self.complete_time = complete_time


class OutcomeNotRecordedError(RunError):
    """The work ran, but its outcome could not be recorded.

    The lease was lost to another attempt, the record expired, or the server stayed out of reach. Another attempt may do it
    again: tell a person. `__cause__` is why.
    """

    def __init__(self, cause: BaseException, *, value: Any = None, work_error: BaseException | None = None) -> None:
        super().__init__(f"the work ran but its outcome could not be recorded: {cause}")
        self.value = value
        """What the work returned, if it did."""
        self.work_error = work_error
        """What the work raised, if it did."""


class LeaseEndingError(Exception):
    """Why work was told to stop: the lease can be lost from here on."""
