"""What a network that loses, refuses and says nothing does to callers: wait, but never work twice."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import pytest

from onced import (
    Attempt,
    CallEnd,
    CallStart,
    Client,
    DeadlineExceededError,
    OncedError,
    OutcomeNotRecordedError,
    RunError,
    UnreachableError,
)
from onced.v1.idempotency_pb2 import LookupRequest
from support.proxy import Proxy
from support.server import Server


def unexpected(attempt: Attempt) -> NoReturn:
    pytest.fail("the work ran")


def test_lost_replies_never_do_an_effect_twice(proxy: Proxy, namespace: str) -> None:
    effects: Counter[str] = Counter()
    attempts: set[tuple[str, int]] = set()

    def run_until_done(client: Client, key: str) -> None:
        def work(attempt: Attempt) -> str:
            effects[key] += 1
            attempts.add((key, attempt.number))
            return f"effect {effects[key]}"

        for _ in range(100):
            try:
                assert client.run_once(namespace, key, None, work, wait_seconds=5).value == "effect 1"
                return
            except OutcomeNotRecordedError:
                raise
            except (OncedError, RunError):
                time.sleep(0.02)
        pytest.fail(f"{key} has no outcome")

    proxy.lose_replies = 0.25
    with Client(proxy.address) as client, ThreadPoolExecutor(4) as callers:
        for done in [callers.submit(run_until_done, client, f"key-{i}") for i in range(16)]:
            done.result()
    assert list(effects.values()) == [1] * 16
    # Repeats found their own lease: the attempt id was kept.
    assert {number for _, number in attempts} == {1}


def test_a_server_out_of_reach_is_an_error_in_bounded_time(proxy: Proxy, namespace: str) -> None:
    proxy.refuse(True)
    started = time.monotonic()
    with Client(proxy.address) as client, pytest.raises(UnreachableError):
        client.run_once(namespace, "k", None, unexpected, begin_timeout_seconds=1)
    assert time.monotonic() - started < 15


def test_a_server_that_says_nothing_is_an_error_in_bounded_time(proxy: Proxy, namespace: str) -> None:
    proxy.is_silent = True
    started = time.monotonic()
    with Client(proxy.address) as client, pytest.raises(DeadlineExceededError):
        client.run_once(namespace, "k", None, unexpected, wait_seconds=0, begin_timeout_seconds=1)
    assert time.monotonic() - started < 15


def test_an_outcome_is_recorded_once_the_server_is_back(proxy: Proxy, namespace: str) -> None:
    with Client(proxy.address) as client:

        def work(attempt: Attempt) -> int:
            proxy.refuse(True)
            threading.Timer(3, proxy.refuse, [False]).start()
            return 1

        assert client.run_once(namespace, "k", None, work).value == 1
        assert client.run_once(namespace, "k", None, unexpected).value == 1


def test_an_outcome_that_cannot_be_recorded_is_reported_with_its_result(proxy: Proxy, namespace: str) -> None:
    def work(attempt: Attempt) -> int:
        proxy.refuse(True)
        return 1

    with Client(proxy.address) as client, pytest.raises(OutcomeNotRecordedError) as caught:
        client.run_once(namespace, "k", None, work, settle_timeout_seconds=0.5)
    assert caught.value.value == 1


def test_closing_the_client_ends_the_recording_of_outcomes(proxy: Proxy, namespace: str) -> None:
    with Client(proxy.address) as client:

        def work(attempt: Attempt) -> int:
            proxy.refuse(True)
            threading.Timer(0.3, client.close).start()
            return 1

        with pytest.raises(OutcomeNotRecordedError):
            client.run_once(namespace, "k", None, work)


def test_repeats_stop_when_their_budget_is_used_up(proxy: Proxy, namespace: str) -> None:
    tries: list[int] = []

    def on_call(call: CallStart) -> None:
        tries.append(call.attempt)

    proxy.refuse(True)
    with Client(proxy.address, on_call=on_call) as client:
        for _ in range(10):
            with pytest.raises(UnreachableError):
                client.lookup(LookupRequest(namespace=namespace, key="k"))
    assert max(tries) <= 4
    # 10 first tries, and 3 more until half of the budget is gone.
    assert len(tries) == 13


def test_hooks_see_each_try_and_break_nothing(proxy: Proxy, namespace: str) -> None:
    ends: list[tuple[str, CallEnd]] = []

    def on_call(call: CallStart) -> object:
        def on_end(end: CallEnd) -> None:
            ends.append((call.rpc, end))
            raise RuntimeError("a hook's own trouble")

        return on_end

    def on_log(entry: object) -> None:
        raise RuntimeError("a hook's own trouble")

    with Client(proxy.address, on_call=on_call, on_log=on_log) as client:  # type: ignore[arg-type]
        client.run_once(namespace, "k", None, lambda _: 1)
        proxy.cut()
        proxy.refuse(True)
        with pytest.raises(UnreachableError):
            client.lookup(LookupRequest(namespace=namespace, key="k"))
    assert [(rpc, end.code, end.reason) for rpc, end in ends[:3]] == [
        ("BeginIntent", "OK", ""),
        ("Complete", "OK", ""),
        ("Lookup", "UNAVAILABLE", "UNREACHABLE"),
    ]


def test_a_call_that_is_over_before_it_begins_sends_nothing(server: Server, namespace: str) -> None:
    calls: list[CallStart] = []
    with Client(server.address, on_call=calls.append) as client, pytest.raises(DeadlineExceededError):
        client.lookup(LookupRequest(namespace=namespace, key="k"), timeout_seconds=0)
    assert calls == []
