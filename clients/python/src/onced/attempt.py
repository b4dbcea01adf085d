"""An attempt: a lease on a key while the work runs. It renews itself."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from onced import _limits as limits
from onced._core import Core, seconds_of
from onced._lease import Lease
from onced._settle import Settling
from onced._steps import Steps, run_steps
from onced.errors import OncedError
from onced.options import RunOptions
from onced.v1 import idempotency_pb2 as pb
from onced.v1.record_pb2 import IntentError
from onced.work_errors import LeaseEndingError


class BaseAttempt:
    """What attempts of both clients have in common. Safe for use by many threads."""

    def __init__(
        self, core: Core, renewal: pb.RenewRequest, acquired: pb.Acquired, sent_at: float, run: RunOptions
    ) -> None:
        self._core = core
        self._acquired = acquired
        self._renewal = renewal
        self._is_ending = threading.Event()
        self._ending: LeaseEndingError | None = None
        self._settling = Settling(core, renewal, run)
        self._lease = Lease(
            core,
            renewal,
            sent_at=sent_at,
            remaining_seconds=seconds_of(acquired.lease_remaining),
            renew_until=time.monotonic() + run.get("hold_seconds_max", float("inf")),
            # Nothing protects a degraded attempt, so there is nothing to lose.
            on_ending=None if acquired.degraded else self._end,
        )

    @property
    def namespace(self) -> str:
        return self._renewal.namespace

    @property
    def key(self) -> str:
        return self._renewal.key

    @property
    def number(self) -> int:
        """1 for the first attempt on the key. More: an earlier one was released or lost its lease."""
        return self._acquired.attempt

    @property
    def fencing_token(self) -> int:
        """Grows with every attempt of the key, for ever. Hand it to the system that does the side effect."""
        return self._acquired.fencing_token

    @property
    def is_taken_over(self) -> bool:
        """An earlier attempt lost its lease: look at `previous_checkpoint` and ask the provider before doing it again."""
        return self._acquired.taken_over

    @property
    def is_degraded(self) -> bool:
        """The store is out of reach and the namespace chose to go on: nothing protects this attempt."""
        return self._acquired.degraded

    @property
    def is_late_retry(self) -> bool:
        """The key had been seen before and its record had expired: this may be a repeat that came too late."""
        return self._acquired.late_retry

    @property
    def previous_checkpoint(self) -> bytes | None:
        """What an earlier attempt saved last."""
        return self._acquired.checkpoint if self._acquired.HasField("checkpoint") else None

    @property
    def last_error(self) -> IntentError | None:
        """How the attempt before this one failed."""
        return self._acquired.last_error if self._acquired.HasField("last_error") else None

    @property
    def remaining_seconds(self) -> float:
        """How long the lease is surely held from now, without a renewal. Negative once it may be over."""
        return self._lease.remaining_seconds

    @property
    def ending(self) -> LeaseEndingError | None:
        """Why the work must stop now, once it must: a sixth of the lease before it could be lost."""
        return self._ending

    def raise_if_ending(self) -> None:
        """Call it between steps: raises LeaseEndingError once nothing new may be begun."""
        if self._ending is not None:
            raise self._ending

    def _start(self) -> None:
        self._core.keeper.keep(self._lease)

    def _work_ended(self) -> None:
        self._lease.work_ended()

    def _stop(self) -> None:
        self._lease.stop()

    def _end(self, error: LeaseEndingError) -> None:
        self._ending = error
        self._is_ending.set()
        self._tell()

    def _tell(self) -> None:
        """The work has to stop."""

    def _checkpoint(self, data: bytes) -> Steps[None]:
        request = pb.CheckpointRequest(
            namespace=self.namespace, key=self.key, lease_token=self._renewal.lease_token, data=data
        )
        if self._renewal.HasField("lease"):
            request.lease.CopyFrom(self._renewal.lease)
        try:
            answer = yield from self._core.checkpoint(request, limits.SETTLE_TIMEOUT)
        except OncedError as error:
            self._lease.note_error(error)
            raise
        self._lease.extend(answer.sent_at, seconds_of(answer.response.lease_remaining))


class Attempt(BaseAttempt):
    """What work of Client is given."""

    def save_checkpoint(self, data: bytes) -> None:
        """Saves up to 16 KiB for whoever attempts next, replacing what was saved before, and renews the lease.

        Call it before the step that cannot be undone, with what is needed to find out later whether it happened.
        """
        run_steps(self._checkpoint(data), self._core.connection)

    def sleep(self, seconds: float) -> None:
        """Sleeps. Raises LeaseEndingError when the work must stop meanwhile."""
        self._is_ending.wait(seconds)
        self.raise_if_ending()


Drive = Callable[[Steps[None]], Awaitable[None]]


class AsyncAttempt(BaseAttempt):
    """What work of AsyncClient is given. Its task is cancelled before the lease could be lost."""

    def __init__(
        self,
        core: Core,
        renewal: pb.RenewRequest,
        acquired: pb.Acquired,
        sent_at: float,
        run: RunOptions,
        drive: Drive,
    ) -> None:
        super().__init__(core, renewal, acquired, sent_at, run)
        self._drive = drive
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._is_cancelled = False

    async def save_checkpoint(self, data: bytes) -> None:
        """As Attempt.save_checkpoint."""
        await self._drive(self._checkpoint(data))

    def _told(self, thrown: BaseException) -> BaseException:
        """Why the work was cancelled, if it was this attempt that cancelled it."""
        is_ours = isinstance(thrown, asyncio.CancelledError) and self._is_cancelled
        return self._ending if is_ours and self._ending is not None else thrown

    def _cancel_when_ending(self, task: asyncio.Task[Any] | None) -> None:
        """On the event loop; None once the work has ended."""
        self._task = task

    def _tell(self) -> None:
        # On another thread. The loop may be over by now, and its work with it.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._is_cancelled = True
            self._task.cancel()


_current: ContextVar[BaseAttempt | None] = ContextVar("onced_attempt", default=None)


def current_attempt() -> BaseAttempt | None:
    """The attempt under which this code runs: inside work, a decorated function, or a request behind an adapter."""
    return _current.get()


@contextmanager
def working(attempt: BaseAttempt) -> Iterator[None]:
    """Makes it the current attempt, and has its lease kept until `_stop` is called."""
    token = _current.set(attempt)
    attempt._start()
    try:
        yield
    finally:
        attempt._work_ended()
        _current.reset(token)
