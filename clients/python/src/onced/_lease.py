"""Keeps leases while work is done: renews at a third, and tells the work before the lease could be lost.

All times are counted on the monotonic clock from when the request that won them was sent.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from onced import _limits as limits
from onced._channel import RENEW, Pending
from onced._core import Core, seconds_of
from onced._keeper import NEVER, Keeper
from onced.errors import AlreadySettledError, IntentNotFoundError, LeaseLostError, OncedError
from onced.v1 import idempotency_pb2 as pb
from onced.work_errors import LeaseEndingError


class Lease:
    """The time for which an attempt surely holds its key. Safe for use by many threads."""

    def __init__(
        self,
        core: Core,
        renewal: pb.RenewRequest,
        *,
        sent_at: float,
        remaining_seconds: float,
        renew_until: float = NEVER,
        on_ending: Callable[[LeaseEndingError], None] | None = None,
    ) -> None:
        self._core = core
        self._renewal = renewal
        self._renew_until = renew_until
        self._on_ending = on_ending  # told once, and not after the work has ended
        self._lock = threading.Lock()
        self._sent_at = sent_at
        self._granted = remaining_seconds
        self._renew_at = self._next_renewal()
        self._is_renewing = False
        self._is_stopped = False
        self._is_recording = False
        self.keeper: Keeper | None = None
        self.looked_at_next = NEVER

    @property
    def remaining_seconds(self) -> float:
        """Until the lease could be lost; negative afterwards."""
        with self._lock:
            return self._sent_at + self._granted - time.monotonic()

    def extend(self, sent_at: float, remaining_seconds: float) -> None:
        """Answers may overtake one another; the request that was sent last counts, also when it made the lease shorter."""
        with self._lock:
            if sent_at < self._sent_at:
                return
            self._sent_at, self._granted = sent_at, remaining_seconds
            self._renew_at = self._next_renewal()
        self._replan()

    def note_error(self, error: OncedError) -> None:
        """Somebody was told that the lease is gone. Other errors are ignored."""
        if isinstance(error, (LeaseLostError, AlreadySettledError, IntentNotFoundError)):
            self._end("the lease is lost", error)
            self.stop()

    def work_ended(self) -> None:
        """The work has ended and is being recorded: renewing goes on, nobody has to be told any more."""
        with self._lock:
            self._on_ending = None
            self._is_recording = True

    def stop(self) -> None:
        with self._lock:
            self._is_stopped = True

    def next_look(self) -> float | None:
        """When the keeper has to look again; None when it need not."""
        with self._lock:
            if self._is_stopped:
                return None
            warn_at = NEVER if self._on_ending is None else self._warn_at()
            return min(warn_at, NEVER if self._is_renewing else self._renew_at)

    def look(self, due: float) -> None:
        """Does what is due."""
        now = time.monotonic()
        with self._lock:
            is_late = now - due > self._granted * limits.MARGIN_PER_LEASE
            is_ending = now >= self._warn_at()
            left = self._sent_at + self._granted - now
            is_renewal_due = now >= self._renew_at and not self._is_renewing and not self._is_stopped
            self._is_renewing = self._is_renewing or is_renewal_due
        if is_late:
            self._core.options.log("warning", "a lease was looked after late", late_seconds=now - due)
        if is_ending:
            self._end(f"the lease has {round(left * 1000)} ms left", None)
        if is_renewal_due:
            self._renew(now)

    def _renew(self, now: float) -> None:
        if now >= self._renew_until:
            self._core.options.log("warning", "the work has taken its longest allowed time: its lease is not renewed")
            with self._lock:
                self._renew_at, self._is_renewing = NEVER, False
            return
        timeout = max(limits.RENEW_TIMEOUT_MIN, self._granted * limits.MARGIN_PER_LEASE)
        try:
            pending = self._core.connection.start(RENEW, self._renewal, timeout)
        except OncedError as error:
            self._renewal_failed(error)
        else:
            pending.add_done_callback(lambda ended: self._renewal_ended(ended, sent_at=now))

    def _renewal_ended(self, pending: Pending, *, sent_at: float) -> None:
        try:
            response: pb.RenewResponse = self._core.connection.outcome(pending)
        except OncedError as error:
            self._renewal_failed(error)
        else:
            with self._lock:
                self._is_renewing = False
            self.extend(sent_at, seconds_of(response.lease_remaining))

    def _renewal_failed(self, error: OncedError) -> None:
        with self._lock:
            self._is_renewing = False
            if self._is_stopped:
                return  # the outcome is recorded: a renewal that came too late is no news
            pause = self._granted / limits.RETRIES_PER_LEASE * (0.5 + random.random() / 2)
            self._renew_at = time.monotonic() + max(pause, limits.RENEW_PAUSE_MIN)
            # What is being recorded is there before its answer is here.
            is_recorded = self._is_recording and isinstance(error, AlreadySettledError)
        if not is_recorded:
            self._core.options.log("warning", "a lease could not be renewed", reason=error.reason, detail=str(error))
        self.note_error(error)
        self._replan()

    def _end(self, message: str, cause: OncedError | None) -> None:
        with self._lock:
            on_ending, self._on_ending = self._on_ending, None
        if on_ending is not None:
            self._core.options.log("warning", f"the work is told to stop: {message}")
            error = LeaseEndingError(message)
            error.__cause__ = cause
            on_ending(error)

    def _warn_at(self) -> float:
        return self._sent_at + self._granted * (1 - limits.MARGIN_PER_LEASE)

    def _next_renewal(self) -> float:
        """Not at once, however little is left: a server that gives no more time would be asked without pause."""
        third = self._sent_at + self._granted / limits.RENEWALS_PER_LEASE
        return max(time.monotonic() + limits.RENEW_PAUSE_MIN, third)

    def _replan(self) -> None:
        if self.keeper is not None:
            self.keeper.plan(self)
