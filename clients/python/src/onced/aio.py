"""The client for asyncio. It speaks through the same channel as Client, whose threads wake the event loop."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from typing_extensions import Self, Unpack

from onced import _limits as limits
from onced._arguments import arguments_of
from onced._claim import Won, claim
from onced._core import Core
from onced._reconcile import Reconciled, claim_request, won_orphan
from onced._run import RunResult, begin_request, record_returned, renewal_of, replay
from onced._steps import Pause, Step, Steps
from onced._values import StoredResult, as_stored, decode_value
from onced.attempt import AsyncAttempt, working
from onced.errors import OncedError
from onced.once import AsyncOnce
from onced.options import ClientOptions, OnCall, OnLog, RunOptions, Tls
from onced.v1 import idempotency_pb2 as pb
from onced.v1.record_pb2 import IntentRecord

P = ParamSpec("P")
T = TypeVar("T")

SETTLE = limits.SETTLE_TIMEOUT
LOOK = limits.LOOK_TIMEOUT


class AsyncClient:
    """Talks to one Onced server or cluster. Keep one for the life of the process; it may serve several event loops.

    Work that has begun is finished and recorded, also when the task that waits for it is cancelled: it runs in a task of its
    own. `async with` waits for those at its end, as drain() does.
    """

    def __init__(
        self,
        address: str,
        *,
        token: str | Callable[[], str] | None = None,
        tls: bool | Tls | None = None,
        owner: str | None = None,
        on_log: OnLog | None = None,
        on_call: OnCall | None = None,
    ) -> None:
        """See ClientOptions."""
        self._core = Core(ClientOptions(address, token, tls, owner, on_log, on_call))
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run_once(
        self,
        namespace: str,
        key: str,
        request: object,
        work: Callable[[AsyncAttempt], Awaitable[T]],
        **options: Unpack[RunOptions],
    ) -> RunResult[T]:
        """As Client.run_once. The work is cancelled before its lease could be lost: LeaseEndingError."""
        return await self._run(begin_request(namespace, key, request, options), work, options)

    async def run_stored(
        self,
        namespace: str,
        key: str,
        work: Callable[[AsyncAttempt], Awaitable[StoredResult]],
        **options: Unpack[RunOptions],
    ) -> RunResult[StoredResult]:
        """As Client.run_stored."""
        return await self._run(begin_request(namespace, key, None, options), work, options, decode=as_stored)

    def once(self, namespace: str, key: str, request: object, **options: Unpack[RunOptions]) -> AsyncOnce:
        """As Client.once, for an async with statement."""
        return AsyncOnce(self, begin_request(namespace, key, request, options), options)

    def runs_once(
        self,
        namespace: str,
        *,
        key: Callable[P, str],
        request: Callable[P, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T]]]:
        """As Client.runs_once, for coroutine functions."""

        def decorate(function: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
            @functools.wraps(function)
            async def called(*args: P.args, **kwargs: P.kwargs) -> T:
                stands_for = arguments_of(function, *args, **kwargs) if request is None else request(*args, **kwargs)
                asked = begin_request(namespace, key(*args, **kwargs), stands_for, options)
                return (await self._run(asked, lambda attempt: function(*args, **kwargs), options)).value

            return called

        return decorate

    async def reconcile(
        self,
        namespace: str,
        review: Callable[[IntentRecord, AsyncAttempt], Awaitable[Any]],
        *,
        limit: int = 10,
        on_error: Callable[[IntentRecord, Exception], None] | None = None,
        **options: Unpack[RunOptions],
    ) -> Reconciled:
        """As Client.reconcile, but all of them at once."""
        request = claim_request(namespace, limit, options)
        answer = await self._drive(self._core.claim_orphans(request, limits.SETTLE_TIMEOUT))

        async def review_one(orphan: pb.ClaimedOrphan) -> bool:
            attempt = self._hold(won_orphan(orphan, request, answer.sent_at), options)
            try:
                await self._shielded(self._perform(attempt, functools.partial(review, orphan.record)))
            except Exception as error:  # noqa: BLE001
                self._core.options.log("info", "an orphan was not completed", reason=type(error).__name__)
                if on_error is not None:
                    on_error(orphan.record, error)
                return False
            return True

        completed = await asyncio.gather(*(review_one(orphan) for orphan in answer.response.orphans))
        return Reconciled(len(completed), sum(completed))

    async def begin(
        self, request: pb.BeginIntentRequest, timeout_seconds: float | None = None
    ) -> pb.BeginIntentResponse:
        """As Client.begin."""
        return (await self._drive(self._core.begin(request, timeout_seconds=timeout_seconds))).response

    async def complete(self, request: pb.CompleteRequest, timeout_seconds: float = SETTLE) -> pb.CompleteResponse:
        """As Client.complete."""
        return (await self._drive(self._core.complete(request, timeout_seconds))).response

    async def fail(self, request: pb.FailRequest, timeout_seconds: float = SETTLE) -> pb.FailResponse:
        """As Client.fail."""
        return (await self._drive(self._core.fail(request, timeout_seconds))).response

    async def lookup(self, request: pb.LookupRequest, timeout_seconds: float = LOOK) -> IntentRecord:
        """As Client.lookup."""
        return (await self._drive(self._core.lookup(request, timeout_seconds))).response.record

    async def renew(self, request: pb.RenewRequest, timeout_seconds: float = SETTLE) -> pb.RenewResponse:
        """As Client.renew."""
        return (await self._drive(self._core.renew(request, timeout_seconds))).response

    async def checkpoint(self, request: pb.CheckpointRequest, timeout_seconds: float = SETTLE) -> pb.CheckpointResponse:
        """As Client.checkpoint."""
        return (await self._drive(self._core.checkpoint(request, timeout_seconds))).response

    async def issue_keys(self, request: pb.IssueKeysRequest, timeout_seconds: float = SETTLE) -> pb.IssueKeysResponse:
        """As Client.issue_keys."""
        return (await self._drive(self._core.issue_keys(request, timeout_seconds))).response

    async def claim_orphans(
        self, request: pb.ClaimOrphansRequest, timeout_seconds: float = SETTLE
    ) -> pb.ClaimOrphansResponse:
        """As Client.claim_orphans."""
        return (await self._drive(self._core.claim_orphans(request, timeout_seconds))).response

    async def server_info(self, timeout_seconds: float = LOOK) -> pb.GetServerInfoResponse:
        """As Client.server_info."""
        return (await self._drive(self._core.server_info(timeout_seconds))).response

    async def drain(self) -> None:
        """Waits for all work whose caller has left."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def close(self) -> None:
        """Ends the connection. Calls under way raise ClosedError, and outcomes being recorded are given up."""
        self._core.connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drain()
        self.close()

    async def _run(
        self,
        asked: pb.BeginIntentRequest,
        work: Callable[[AsyncAttempt], Awaitable[T]],
        run: RunOptions,
        decode: Callable[[StoredResult], Any] = decode_value,
    ) -> RunResult[T]:
        won = await self._drive(claim(self._core, asked, run))
        if not isinstance(won, Won):
            return replay(won, decode)
        return await self._shielded(self._perform(self._hold(won, run), work))

    def _hold(self, won: Won, run: RunOptions) -> AsyncAttempt:
        return AsyncAttempt(self._core, renewal_of(won), won.acquired, won.sent_at, run, self._drive)

    async def _perform(self, attempt: AsyncAttempt, work: Callable[[AsyncAttempt], Awaitable[T]]) -> RunResult[T]:
        """Runs the work and records how it ended."""
        attempt._cancel_when_ending(asyncio.current_task())
        try:
            with working(attempt):
                value = await work(attempt)
        except BaseException as error:
            attempt._cancel_when_ending(None)
            thrown = attempt._told(error)
            await self._record_raised(attempt, thrown)
            if thrown is not error:
                raise thrown from error
            raise
        attempt._cancel_when_ending(None)
        return await self._record_returned(attempt, value)

    async def _record_returned(self, attempt: AsyncAttempt, value: T) -> RunResult[T]:
        try:
            return await self._drive(record_returned(attempt, value))
        finally:
            attempt._stop()

    async def _record_raised(self, attempt: AsyncAttempt, thrown: BaseException) -> None:
        """Raises what the caller gets instead, if anything."""
        try:
            instead = await self._drive(attempt._settling.raised(thrown))
        finally:
            attempt._stop()
        if instead is not None:
            raise instead from thrown

    async def _shielded(self, doing: Coroutine[Any, Any, T]) -> T:
        """In a task of its own, which the caller's end does not end."""
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._noted)
        await asyncio.wait({task})
        return task.result()

    def _noted(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # Looked at, so that asyncio does not write to the console of what nobody waits for any more.
        if not task.cancelled() and task.exception() is not None:
            self._core.options.log("debug", "work ended with an error", reason=type(task.exception()).__name__)

    async def _drive(self, steps: Steps[T]) -> T:
        """Takes the steps on the event loop."""
        answer: Any = None
        error: OncedError | None = None
        try:
            while True:
                step = steps.send(answer) if error is None else steps.throw(error)
                answer, error = None, None
                try:
                    answer = await self._take(step)
                except OncedError as failure:
                    error = failure
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        finally:
            steps.close()

    async def _take(self, step: Step) -> Any:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        loop = asyncio.get_running_loop()
        has_ended = asyncio.Event()

        def wake(_: object) -> None:
            # On a thread of gRPC's. The loop may be over by now, and then nobody waits.
            if not loop.is_closed():
                loop.call_soon_threadsafe(has_ended.set)

        pending = self._core.connection.start(step.rpc, step.request, step.timeout_seconds)
        pending.add_done_callback(wake)
        try:
            await has_ended.wait()
        except asyncio.CancelledError:
            if step.on_abandoned is not None:
                step.on_abandoned(pending)
            raise
        return self._core.connection.outcome(pending)
