"""Begins until there is an answer that ends the asking.

Waits out those who are at it, repeats what was not answered with the same attempt id, and gives back a lease that was won
after its caller had left.
"""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass

from onced import _limits as limits
from onced._channel import Pending
from onced._core import Core, duration_of, new_attempt_id, seconds_of
from onced._steps import Pause, Steps, run_steps
from onced.errors import AttemptEndedError, DeadlineExceededError, InvalidFieldError, OncedError, deadline_exceeded
from onced.options import RunOptions
from onced.v1 import idempotency_pb2 as pb
from onced.v1.record_pb2 import IntentError
from onced.work_errors import InProgressError, IntentFailedError, OrphanedError, RetryLaterError, RunError


@dataclass(frozen=True)
class Won:
    """A lease, and when the begin that won it was sent."""

    request: pb.BeginIntentRequest
    acquired: pb.Acquired
    sent_at: float


@dataclass(frozen=True)
class _NotYet:
    """Ask again after the pause; `error` is what to raise when there is no time for that."""

    error: OncedError | RunError
    pause_seconds: float  # not before; what was not answered is repeated a random time later
    is_unanswered: bool


def claim(core: Core, request: pb.BeginIntentRequest, run: RunOptions) -> Steps[Won | pb.Completed]:
    """Raises RunErrors, and the errors of begin."""
    begin_for = run.get("begin_timeout_seconds", limits.BEGIN_FOR)
    wait_until = time.monotonic() + run.get("wait_seconds", limits.RUN_WAIT)
    answer_until = time.monotonic() + begin_for
    is_wait_refused, unanswered = False, 0
    request.attempt_id = new_attempt_id()
    while True:
        _set_wait(request, 0 if is_wait_refused else wait_until - time.monotonic())
        try:
            asked = yield from _ask(core, request)
        except InvalidFieldError as error:
            # This namespace allows no waiting, or not as much: ask again and again.
            if is_wait_refused or list(error.fields) != ["wait"]:
                raise
            is_wait_refused = True
            continue
        if not isinstance(asked, _NotYet):
            return asked
        if asked.is_unanswered:
            unanswered, until = unanswered + 1, answer_until
        else:
            unanswered, until = 0, wait_until
            answer_until = time.monotonic() + begin_for
        pause = asked.pause_seconds
        if asked.is_unanswered:
            pause += core.pause_unanswered(unanswered)
        if time.monotonic() + pause > until:
            raise asked.error
        if isinstance(asked.error, AttemptEndedError):
            request.attempt_id = new_attempt_id()  # a copy of our begin was ended by somebody else: this is a new try
        yield Pause(pause)


def _set_wait(request: pb.BeginIntentRequest, seconds: float) -> None:
    seconds = min(seconds, limits.WAIT_SLICE_MAX)
    if seconds >= 0.001:
        request.wait.CopyFrom(duration_of(seconds))
    else:
        request.ClearField("wait")


def _ask(core: Core, request: pb.BeginIntentRequest) -> Steps[Won | pb.Completed | _NotYet]:
    sent = pb.BeginIntentRequest()
    sent.CopyFrom(request)
    try:
        answer = yield from core.begin(
            sent, tries_max=1, on_abandoned=lambda pending: _give_back_when_won(core, sent, pending)
        )
    except OncedError as error:
        if not (error.is_retryable or isinstance(error, (AttemptEndedError, DeadlineExceededError))):
            raise
        core.options.log("info", "a begin was not answered: repeating it", reason=error.reason)
        return _NotYet(error, error.retry_after_seconds or 0, is_unanswered=True)
    return _judge(sent, answer.response, answer.sent_at)


def _judge(
    request: pb.BeginIntentRequest, response: pb.BeginIntentResponse, sent_at: float
) -> Won | pb.Completed | _NotYet:
    match response.WhichOneof("outcome"):
        case "acquired":
            won = Won(request, response.acquired, sent_at)
            if _may_have_lapsed(won):
                # The answer took longer than the lease, as it may after a wait: the same attempt has it counted anew.
                remaining = seconds_of(response.acquired.lease_remaining)
                return _NotYet(deadline_exceeded(remaining), 0, is_unanswered=True)
            return won
        case "completed":
            return response.completed
        case "failed":
            raise IntentFailedError.replay(response.failed)
        case "orphaned":
            raise OrphanedError(response.orphaned)
        case "retry_later":
            later = RetryLaterError(response.retry_later)
            # Not before that; spread a little beyond it.
            pause = later.retry_after_seconds * (1 + random.random() / 10) + limits.ASK_AGAIN_MIN
            return _NotYet(later, pause, is_unanswered=False)
        case _:
            # In progress, and whatever a newer server may say: the side effect must not be done.
            busy = InProgressError(response.in_progress)
            pause = min(busy.retry_after_seconds or limits.ASK_AGAIN_MAX, limits.ASK_AGAIN_MAX)
            return _NotYet(busy, max(limits.ASK_AGAIN_MIN, pause * (0.5 + random.random() / 2)), is_unanswered=False)


def _may_have_lapsed(won: Won) -> bool:
    lease = seconds_of(won.acquired.lease_remaining)
    return not won.acquired.degraded and time.monotonic() - won.sent_at >= lease * (1 - limits.MARGIN_PER_LEASE)


def _give_back_when_won(core: Core, request: pb.BeginIntentRequest, pending: Pending) -> None:
    """A begin whose caller left may still win the lease, which then has to be given back."""
    pending.add_done_callback(
        # No daemon: a process that ends by the interrupt still gives back what it had won.
        lambda ended: threading.Thread(target=_give_back, args=(core, request, ended)).start()
    )


def _give_back(core: Core, request: pb.BeginIntentRequest, pending: Pending) -> None:
    try:
        response: pb.BeginIntentResponse = core.connection.outcome(pending)
        if response.WhichOneof("outcome") != "acquired":
            return
        release = pb.FailRequest(
            namespace=request.namespace,
            key=request.key,
            lease_token=response.acquired.lease_token,
            kind=pb.FAIL_KIND_RETRYABLE,
            error=IntentError(code="CALLER_LEFT", message="the caller left before the work began"),
        )
        run_steps(core.fail(release, limits.SETTLE_TIMEOUT), core.connection)
    except OncedError as error:
        core.options.log("warning", "a lease that nobody wants could not be given back", reason=error.reason)
