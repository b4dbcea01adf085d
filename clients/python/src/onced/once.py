"""run_once as a with statement, for both clients."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import Self

from onced._claim import Won, claim
from onced._run import replay
from onced._values import decode_value
from onced.attempt import AsyncAttempt, Attempt, BaseAttempt, working
from onced.options import RunOptions
from onced.v1 import idempotency_pb2 as pb

if TYPE_CHECKING:
    from onced.aio import AsyncClient
    from onced.client import Client

A = TypeVar("A", bound=BaseAttempt)


class _Once(Generic[A]):
    def __init__(self, asked: pb.BeginIntentRequest, run: RunOptions) -> None:
        self._asked = asked
        self._run = run
        self._attempt: A | None = None
        self._working = ExitStack()
        self.is_replayed = False
        """It was done before: `result` is there, and the body must do nothing."""
        self.result: Any = None
        """Set it to what is to be stored; afterwards, and in a replay, it is what was stored."""

    @property
    def attempt(self) -> A:
        """The attempt that the body makes. Raises LookupError in a replay, which is none."""
        if self._attempt is None:
            raise LookupError("it was done before: look at is_replayed before you do it")
        return self._attempt

    def _enter(self, attempt: A) -> None:
        self._attempt = attempt
        self._working.enter_context(working(attempt))

    def _replay(self, stored: pb.Completed) -> None:
        self.is_replayed, self.result = True, replay(stored, decode_value).value


class Once(_Once[Attempt]):
    """What Client.once gives to a with statement."""

    def __init__(self, client: Client, asked: pb.BeginIntentRequest, run: RunOptions) -> None:
        super().__init__(asked, run)
        self._client = client

    def __enter__(self) -> Self:
        won = self._client._drive(claim(self._client._core, self._asked, self._run))
        if isinstance(won, Won):
            self._enter(self._client._hold(won, self._run))
        else:
            self._replay(won)
        return self

    def __exit__(self, kind: object, thrown: BaseException | None, trace: object) -> None:
        self._working.close()
        if self._attempt is None:
            return
        if thrown is not None:
            self._client._record_raised(self._attempt, thrown)
        else:
            self.result = self._client._record_returned(self._attempt, self.result).value


class AsyncOnce(_Once[AsyncAttempt]):
    """What AsyncClient.once gives to an async with statement.

    The body is cancelled before its lease could be lost, and raises LeaseEndingError then. When the caller is cancelled
    the body is too, and the key is held, since nobody knows how far it got; an outcome is recorded all the same.
    """

    def __init__(self, client: AsyncClient, asked: pb.BeginIntentRequest, run: RunOptions) -> None:
        super().__init__(asked, run)
        self._client = client

    async def __aenter__(self) -> Self:
        won = await self._client._drive(claim(self._client._core, self._asked, self._run))
        if isinstance(won, Won):
            attempt = self._client._hold(won, self._run)
            attempt._cancel_when_ending(asyncio.current_task())
            self._enter(attempt)
        else:
            self._replay(won)
        return self

    async def __aexit__(self, kind: object, thrown: BaseException | None, trace: object) -> None:
        self._working.close()
        attempt = self._attempt
        if attempt is None:
            return
        attempt._cancel_when_ending(None)
        if thrown is None:
            returned = self._client._record_returned(attempt, self.result)
            self.result = (await self._client._shielded(returned)).value
            return
        told = attempt._told(thrown)
        await self._client._shielded(self._client._record_raised(attempt, told))
        if told is not thrown:
            raise told from thrown
