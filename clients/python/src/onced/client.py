"""The client for threads. AsyncClient in aio.py is the same for asyncio."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from typing_extensions import Self, Unpack

from onced import _limits as limits
from onced._arguments import arguments_of
from onced._claim import Won, claim
from onced._core import Core
from onced._reconcile import Reconciled, claim_request, won_orphan
from onced._run import RunResult, begin_request, record_returned, renewal_of, replay
from onced._steps import Steps, run_steps
from onced._values import StoredResult, as_stored, decode_value
from onced.attempt import Attempt, working
from onced.once import Once
from onced.options import ClientOptions, OnCall, OnLog, RunOptions, Tls
from onced.v1 import idempotency_pb2 as pb
from onced.v1.record_pb2 import IntentRecord

P = ParamSpec("P")
T = TypeVar("T")

SETTLE = limits.SETTLE_TIMEOUT
LOOK = limits.LOOK_TIMEOUT


class Client:
    """Talks to one Onced server or cluster. Safe for use by many threads; keep one for the life of the process.

    Nothing is sent before the first call. It may be made before a fork: each process opens a connection of its own.
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

    def run_once(
        self, namespace: str, key: str, request: object, work: Callable[[Attempt], T], **options: Unpack[RunOptions]
    ) -> RunResult[T]:
        """Does the work once for the key, however often and wherever this is called, and gives its result to every caller.

        `request` is what the key stands for: bytes are fingerprinted as bytes, anything else as JSON; None when the key
        alone stands for the operation. Raises KeyReusedError when the key stands for another request; InProgressError or
        RetryLaterError when somebody else was at it for all of `wait_seconds`; IntentFailedError when it failed for good;
        OrphanedError when nobody knows whether it happened; what the work raised: see RunOptions.on_throw.
        """
        return self._run(begin_request(namespace, key, request, options), work, options)

    def run_stored(
        self, namespace: str, key: str, work: Callable[[Attempt], StoredResult], **options: Unpack[RunOptions]
    ) -> RunResult[StoredResult]:
        """run_once for results that are bytes already, with media type and labels. The fingerprints are in the options."""
        return self._run(begin_request(namespace, key, None, options), work, options, decode=as_stored)

    def once(self, namespace: str, key: str, request: object, **options: Unpack[RunOptions]) -> Once:
        """run_once as a with statement, whose body must look whether there is anything to do:

        with client.once("shop/charge", "order-17", order) as once:
            if not once.is_replayed:
                once.result = charge(order, once.attempt.fencing_token)
        print(once.result)
        """
        return Once(self, begin_request(namespace, key, request, options), options)

    def runs_once(
        self,
        namespace: str,
        *,
        key: Callable[P, str],
        request: Callable[P, object] | None = None,
        **options: Unpack[RunOptions],
    ) -> Callable[[Callable[P, T]], Callable[P, T]]:
        """run_once as a decorator. `key` and `request` are asked with the arguments of each call.

        `request` by default: all arguments by name, which must have JSON then. The function returns what was stored;
        current_attempt() is the attempt under which it runs.
        """

        def decorate(function: Callable[P, T]) -> Callable[P, T]:
            @functools.wraps(function)
            def called(*args: P.args, **kwargs: P.kwargs) -> T:
                stands_for = arguments_of(function, *args, **kwargs) if request is None else request(*args, **kwargs)
                asked = begin_request(namespace, key(*args, **kwargs), stands_for, options)
                return self._run(asked, lambda attempt: function(*args, **kwargs), options).value

            return called

        return decorate

    def reconcile(
        self,
        namespace: str,
        review: Callable[[IntentRecord, Attempt], Any],
        *,
        limit: int = 10,
        on_error: Callable[[IntentRecord, Exception], None] | None = None,
        **options: Unpack[RunOptions],
    ) -> Reconciled:
        """Takes orphans and records what `review` finds out about each, one after the other. Call it now and then.

        Return the operation's result when it was done. Raise RetryableError when it was not done (the next caller then
        does it), FinalError when it was not and must not be; anything else leaves it an orphan.
        """
        request = claim_request(namespace, limit, options)
        answer = self._drive(self._core.claim_orphans(request, limits.SETTLE_TIMEOUT))
        held = [
            (orphan.record, self._hold(won_orphan(orphan, request, answer.sent_at), options))
            for orphan in answer.response.orphans
        ]
        for _, attempt in held:
            attempt._start()
        completed = 0
        for record, attempt in held:
            try:
                self._perform(attempt, functools.partial(review, record))
                completed += 1
            except Exception as error:  # noqa: BLE001
                self._core.options.log("info", "an orphan was not completed", reason=type(error).__name__)
                if on_error is not None:
                    on_error(record, error)
        return Reconciled(len(held), completed)

    def begin(self, request: pb.BeginIntentRequest, timeout_seconds: float | None = None) -> pb.BeginIntentResponse:
        """Asks whether the side effect may be done now. Fills in attempt_id and owner where they are empty.

        Count a lease in the answer from before you called. Most programs want run_once instead.
        """
        return self._drive(self._core.begin(request, timeout_seconds=timeout_seconds)).response

    def complete(self, request: pb.CompleteRequest, timeout_seconds: float = SETTLE) -> pb.CompleteResponse:
        """Records a result. Keep repeating until it is answered: a lost complete is what causes duplicates."""
        return self._drive(self._core.complete(request, timeout_seconds)).response

    def fail(self, request: pb.FailRequest, timeout_seconds: float = SETTLE) -> pb.FailResponse:
        """Ends an attempt without a result."""
        return self._drive(self._core.fail(request, timeout_seconds)).response

    def lookup(self, request: pb.LookupRequest, timeout_seconds: float = LOOK) -> IntentRecord:
        """Shows a record without taking anything. Raises IntentNotFoundError when there is none."""
        return self._drive(self._core.lookup(request, timeout_seconds)).response.record

    def renew(self, request: pb.RenewRequest, timeout_seconds: float = SETTLE) -> pb.RenewResponse:
        """Keeps a lease: it counts from now again. Raises LeaseLostError once somebody else has taken over."""
        return self._drive(self._core.renew(request, timeout_seconds)).response

    def checkpoint(self, request: pb.CheckpointRequest, timeout_seconds: float = SETTLE) -> pb.CheckpointResponse:
        """Saves bytes for whoever attempts next, and keeps the lease. Inside work use Attempt.save_checkpoint."""
        return self._drive(self._core.checkpoint(request, timeout_seconds)).response

    def issue_keys(self, request: pb.IssueKeysRequest, timeout_seconds: float = SETTLE) -> pb.IssueKeysResponse:
        """Keys made by the server: random, signed, bound to the namespace."""
        return self._drive(self._core.issue_keys(request, timeout_seconds)).response

    def claim_orphans(
        self, request: pb.ClaimOrphansRequest, timeout_seconds: float = SETTLE
    ) -> pb.ClaimOrphansResponse:
        """Takes orphans: each is leased to the caller as a new attempt. A repeat may claim others. See reconcile."""
        return self._drive(self._core.claim_orphans(request, timeout_seconds)).response

    def server_info(self, timeout_seconds: float = LOOK) -> pb.GetServerInfoResponse:
        """What the server is, what it can do, and what an acknowledgement means on its store."""
        return self._drive(self._core.server_info(timeout_seconds)).response

    def close(self) -> None:
        """Ends the connection. Calls under way raise ClosedError, and outcomes being recorded are given up."""
        self._core.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(
        self,
        asked: pb.BeginIntentRequest,
        work: Callable[[Attempt], T],
        run: RunOptions,
        decode: Callable[[StoredResult], Any] = decode_value,
    ) -> RunResult[T]:
        won = self._drive(claim(self._core, asked, run))
        return self._perform(self._hold(won, run), work) if isinstance(won, Won) else replay(won, decode)

    def _hold(self, won: Won, run: RunOptions) -> Attempt:
        return Attempt(self._core, renewal_of(won), won.acquired, won.sent_at, run)

    def _perform(self, attempt: Attempt, work: Callable[[Attempt], T]) -> RunResult[T]:
        """Runs the work and records how it ended."""
        try:
            with working(attempt):
                value = work(attempt)
        except BaseException as thrown:
            self._record_raised(attempt, thrown)
            raise
        else:
            return self._record_returned(attempt, value)

    def _record_returned(self, attempt: Attempt, value: T) -> RunResult[T]:
        try:
            return self._drive(record_returned(attempt, value))
        finally:
            attempt._stop()

    def _record_raised(self, attempt: Attempt, thrown: BaseException) -> None:
        """Raises what the caller gets instead, if anything."""
        try:
            instead = self._drive(attempt._settling.raised(thrown))
        finally:
            attempt._stop()
        if instead is not None:
            raise instead from thrown

    def _drive(self, steps: Steps[T]) -> T:
        return run_steps(steps, self._core.connection)
