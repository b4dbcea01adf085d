"""Leases: kept while work runs, and the work stops before they could be lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from onced import (
    AlreadySettledError,
    Attempt,
    CallStart,
    Client,
    InProgressError,
    LeaseEndingError,
    LeaseLostError,
    LogEntry,
    OrphanedError,
    OutcomeNotRecordedError,
    RetryableError,
)
from onced.v1.idempotency_pb2 import FAIL_KIND_RETRYABLE, FailRequest
from support.proxy import Proxy
from support.server import Server

LEASE = 1.0


def wait_until_ending(attempt: Attempt) -> LeaseEndingError:
    with pytest.raises(LeaseEndingError) as caught:
        attempt.sleep(30)
    return caught.value


def test_long_work_keeps_its_lease(client: Client, namespace: str) -> None:
    def work(attempt: Attempt) -> int:
        end = time.monotonic() + 3 * LEASE
        while time.monotonic() < end:
            assert 0 < attempt.remaining_seconds <= LEASE
            with pytest.raises(InProgressError):
                client.run_once(namespace, "k", None, lambda _: 2, wait_seconds=0)
            time.sleep(0.05)
        attempt.raise_if_ending()
        return 1

    assert client.run_once(namespace, "k", None, work, lease_seconds=LEASE).value == 1


def test_work_stops_before_its_lease_can_be_lost_and_may_complete_late(proxy: Proxy, namespace: str) -> None:
    with Client(proxy.address) as client:

        def work(attempt: Attempt) -> int:
            proxy.is_silent = True
            wait_until_ending(attempt)
            assert attempt.remaining_seconds > 0
            proxy.is_silent = False
            proxy.cut()
            return 1

        assert client.run_once(namespace, "k", None, work, lease_seconds=LEASE).value == 1
        assert client.run_once(namespace, "k", None, lambda _: 2).is_replayed


def test_a_superseded_holder_is_told_so_and_changes_nothing(client: Client, proxy: Proxy, namespace: str) -> None:
    with Client(proxy.address) as paused:

        def first(attempt: Attempt) -> int:
            proxy.is_silent = True
            wait_until_ending(attempt)

            def second(taken_over: Attempt) -> int:
                assert taken_over.is_taken_over
                assert taken_over.fencing_token > attempt.fencing_token
                return 2

            assert client.run_once(namespace, "k", None, second, wait_seconds=20).value == 2
            proxy.is_silent = False
            proxy.cut()
            return 1

        with pytest.raises(OutcomeNotRecordedError) as caught:
            paused.run_once(namespace, "k", None, first, lease_seconds=0.5)
    assert isinstance(caught.value.__cause__, LeaseLostError)
    assert caught.value.value == 1
    assert client.run_once(namespace, "k", None, lambda _: 3).value == 2


def test_work_stops_when_a_renewal_says_that_somebody_has_ended_it(client: Client, namespace: str) -> None:
    def work(attempt: Attempt) -> None:
        release = FailRequest(
            namespace=namespace,
            key="k",
            lease_token=attempt._renewal.lease_token,
            kind=FAIL_KIND_RETRYABLE,
        )
        client.fail(release)
        ending = wait_until_ending(attempt)
        assert isinstance(ending.__cause__, AlreadySettledError)
        raise RetryableError("stopped") from ending

    with pytest.raises(RetryableError):
        client.run_once(namespace, "k", None, work, lease_seconds=LEASE)


def test_a_lease_is_counted_from_when_it_was_asked_for(proxy: Proxy, namespace: str) -> None:
    late, lease = 0.1, 3.0

    def work(attempt: Attempt) -> list[float]:
        left = [attempt.remaining_seconds]
        attempt.save_checkpoint(b"")
        saved = attempt.remaining_seconds
        left.append(saved)
        end = time.monotonic() + 30
        while left[-1] >= attempt.remaining_seconds and time.monotonic() < end:
            left[-1] = attempt.remaining_seconds  # until a renewal gives more
        return [saved, *left, attempt.remaining_seconds]

    with Client(proxy.address) as client:
        client.run_once(namespace, "connected", None, lambda _: 1)
        proxy.delay_replies_seconds = late
        saved, begun, before_renewal, renewed = client.run_once(namespace, "k", None, work, lease_seconds=lease).value
    assert max(begun, saved, renewed) <= lease - late
    assert before_renewal < renewed


def test_work_that_hangs_loses_its_lease_after_its_longest_time(client: Client, namespace: str) -> None:
    def work(attempt: Attempt) -> float:
        started = time.monotonic()
        wait_until_ending(attempt)
        return time.monotonic() - started

    held = client.run_once(namespace, "k", None, work, lease_seconds=0.5, hold_seconds_max=0.4).value
    assert 0.4 < held < 20


def test_no_renewal_outlives_its_run(server: Server, namespace: str) -> None:
    sent: list[str] = []
    entries: list[LogEntry] = []
    with Client(server.address, on_log=entries.append) as client:
        start = client._core.connection.start

        def note_and_start(rpc: Any, request: Any, timeout_seconds: float) -> Any:
            sent.append(rpc.name)
            return start(rpc, request, timeout_seconds)

        client._core.connection.start = note_and_start  # type: ignore[method-assign]
        client.run_once(namespace, "k", None, lambda _: time.sleep(0.4), lease_seconds=0.3)
        made = sent.count("Renew")
        time.sleep(0.6)
    assert made >= 2
    assert sent.count("Renew") == made
    assert [entry for entry in entries if entry.level == "warning"] == []


def test_a_renewal_that_meets_the_outcome_being_recorded_is_no_news(server: Server, namespace: str) -> None:
    sent: list[str] = []
    entries: list[LogEntry] = []
    with Client(server.address, on_log=entries.append) as client:
        start = client._core.connection.start

        def answer_late(rpc: Any, request: Any, timeout_seconds: float) -> Any:
            sent.append(rpc.name)
            pending = start(rpc, request, timeout_seconds)
            if rpc.name == "Complete":
                pending.result()
                time.sleep(0.3)
            return pending

        client._core.connection.start = answer_late  # type: ignore[method-assign]
        client.run_once(namespace, "k", None, lambda _: None, lease_seconds=0.3)
    assert sent[-2:] == ["Complete", "Renew"]
    assert entries == []


INTERRUPTED = """
import signal, sys, threading, time
sys.path.insert(0, "src")
from onced import Client
client = Client(sys.argv[1])
def work(attempt):
    print("working", flush=True)
    time.sleep(60)
client.run_once(sys.argv[2], "k", None, work)
"""


def test_an_interrupted_process_says_that_it_does_not_know(server: Server, client: Client, namespace: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, server.address, namespace], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"working\n"
    process.send_signal(2)
    _, errors = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in errors
    with pytest.raises(OrphanedError) as caught:
        client.run_once(namespace, "k", None, lambda _: 2, wait_seconds=1)
    assert caught.value.answer.last_error.code == "KeyboardInterrupt"


FORKED = """
import os, sys
sys.path.insert(0, "src")
from onced import Client
client = Client(sys.argv[1])
print(client.run_once(sys.argv[2], "parent", None, lambda _: 1).value, flush=True)
import time
child = os.fork()
if child == 0:
    print(client.run_once(sys.argv[2], "child", None, lambda a: a.sleep(1) or 2, lease_seconds=0.5).value, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_forked_process_has_a_connection_and_a_keeper_of_its_own(server: Server, namespace: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED, server.address, namespace],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("1\n2\n", "")


class Interrupted(BaseException):
    """What a signal raises in the main thread."""


def test_a_caller_who_is_interrupted_before_the_work_gives_the_lease_back(server: Server, namespace: str) -> None:
    holding, may_end = threading.Event(), threading.Event()

    def hold(_: Attempt) -> None:
        holding.set()
        may_end.wait(30)
        raise RetryableError("over")

    def first(client: Client) -> None:
        with pytest.raises(RetryableError):
            client.run_once(namespace, "k", None, hold)

    def interrupt(*_: object) -> None:
        raise Interrupted

    def interrupt_soon(call: CallStart) -> None:
        if call.rpc == "BeginIntent" and not timers:
            timers.append(
                threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident or 0, signal.SIGUSR1))
            )
            timers[0].start()

    timers: list[threading.Timer] = []
    before = signal.signal(signal.SIGUSR1, interrupt)
    with Client(server.address) as client, Client(server.address, on_call=interrupt_soon) as interrupted:
        holder = threading.Thread(target=first, args=(client,))
        holder.start()
        assert holding.wait(30)
        with pytest.raises(Interrupted):
            interrupted.run_once(namespace, "k", None, lambda _: pytest.fail("the work ran"))
        signal.signal(signal.SIGUSR1, before)
        may_end.set()
        holder.join()
        # Sooner than the lease of 30 s.
        assert client.run_once(namespace, "k", None, lambda attempt: attempt.number, wait_seconds=20).value >= 2
