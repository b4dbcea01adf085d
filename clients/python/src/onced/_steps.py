"""What a client does between its caller and the wire, written once for threads and for asyncio.

It is written as generators that yield a call or a pause and receive the answer. run_steps drives one by blocking the
thread, AsyncClient's driver by waiting on the event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from google.protobuf.message import Message

from onced._channel import Connection, Pending, Rpc
from onced.errors import OncedError

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One try of a call. Its answer is a response, or an OncedError that is raised where it was yielded."""

    rpc: Rpc[Any]
    request: Message
    timeout_seconds: float
    on_abandoned: Callable[[Pending], None] | None = None
    """Told when the caller left before the answer, which may still come."""


@dataclass(frozen=True)
class Pause:
    seconds: float


Step = Call | Pause
Steps = Generator[Step, Any, T]


def run_steps(steps: Steps[T], connection: Connection) -> T:
    """Takes the steps on this thread."""
    answer: Any = None
    error: OncedError | None = None
    try:
        while True:
            step = steps.send(answer) if error is None else steps.throw(error)
            answer, error = None, None
            try:
                answer = _take(step, connection)
            except OncedError as failure:
                error = failure
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def _take(step: Step, connection: Connection) -> Any:
    if isinstance(step, Pause):
        time.sleep(step.seconds)
        return None
    pending = connection.start(step.rpc, step.request, step.timeout_seconds)
    try:
        return connection.outcome(pending)
    except OncedError:
        raise
    except BaseException:
        # A signal's: whoever waits is interrupted, not the call.
        if step.on_abandoned is not None:
            step.on_abandoned(pending)
        raise
