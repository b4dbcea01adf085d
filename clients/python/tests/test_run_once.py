"""What run_once does for those who come first, at the same time and later."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NoReturn

import pytest

from onced import (
    Attempt,
    Client,
    FinalError,
    InProgressError,
    IntentFailedError,
    InvalidFieldError,
    KeyReusedError,
    OrphanedError,
    OutcomeNotRecordedError,
    RetryableError,
    RetryLaterError,
    UnknownOutcomeError,
    current_attempt,
)
from onced.v1.idempotency_pb2 import LookupRequest


def unexpected(attempt: Attempt) -> NoReturn:
    pytest.fail("the work ran again")


def raising(error: BaseException) -> Any:
    def work(attempt: Attempt) -> NoReturn:
        raise error

    return work


def test_a_repeat_gets_the_first_result_without_working_again(client: Client, namespace: str) -> None:
    runs = iter(range(1, 10))
    results = [client.run_once(namespace, "k", {"a": 1}, lambda _: {"number": next(runs)}) for _ in range(3)]
    assert [result.value for result in results] == [{"number": 1}] * 3
    assert [result.is_replayed for result in results] == [False, True, True]
    assert {result.attempt for result in results} == {1}
    assert len({(result.fencing_token, result.expire_time) for result in results}) == 1


def test_those_who_come_at_the_same_time_get_the_result_of_one(client: Client, namespace: str) -> None:
    runs: list[int] = []

    def work(attempt: Attempt) -> int:
        time.sleep(0.1)
        runs.append(attempt.number)
        return len(runs)

    with ThreadPoolExecutor(12) as callers:
        asked = [callers.submit(client.run_once, namespace, "k", None, work, wait_seconds=20) for _ in range(12)]
        assert [answer.result().value for answer in asked] == [1] * 12
    assert runs == [1]


def test_without_waiting_a_run_in_flight_is_reported(client: Client, namespace: str) -> None:
    def work(attempt: Attempt) -> None:
        with pytest.raises(InProgressError) as caught:
            client.run_once(namespace, "k", None, unexpected, wait_seconds=0)
        assert caught.value.answer.owner == "first"
        assert caught.value.retry_after_seconds > 0

    client.run_once(namespace, "k", None, work, owner="first")


def test_a_key_reused_for_another_request_is_refused(client: Client, namespace: str) -> None:
    client.run_once(namespace, "k", {"amount": 10}, lambda _: 1)
    with pytest.raises(KeyReusedError):
        client.run_once(namespace, "k", {"amount": 12}, unexpected)
    assert client.run_once(namespace, "k", {"amount": 10.0}, unexpected).value == 1


def test_excluded_parts_may_differ(client: Client, namespace: str) -> None:
    for at in (1, 2):
        assert client.run_once(namespace, "k", {"id": 1, "at": at}, lambda _: at, exclude=["/at"]).value == 1  # noqa: B023


@dataclass
class Receipt:
    number: int


@pytest.mark.parametrize(
    ("value", "stored"),
    [(b"\0\xff", b"\0\xff"), ("héllo", "héllo"), (None, None), ([1, {"a": None}],) * 2, (Receipt(1), {"number": 1})],
)
def test_every_kind_of_result_is_the_same_for_all(client: Client, namespace: str, value: Any, stored: Any) -> None:
    for _ in range(2):
        assert client.run_once(namespace, "k", None, lambda _: value).value == stored


def test_a_final_error_is_replayed_byte_for_byte(client: Client, namespace: str) -> None:
    declined = FinalError("card declined", code="DECLINED", detail=b"\0\1\xff", content_type="application/x-decline")
    for is_replayed in (False, True):
        with pytest.raises(IntentFailedError) as caught:
            client.run_once(namespace, "k", None, raising(declined) if not is_replayed else unexpected)
        error = caught.value.error
        assert caught.value.is_replayed == is_replayed
        assert (error.code, error.message, error.detail) == ("DECLINED", "card declined", b"\0\1\xff")
        assert error.content_type == "application/x-decline"


def test_a_retryable_error_releases_the_key_after_its_delay(client: Client, namespace: str) -> None:
    busy = RetryableError("provider busy", retry_after_seconds=0.3)
    with pytest.raises(RetryableError, match="provider busy"):
        client.run_once(namespace, "k", None, raising(busy))
    with pytest.raises(RetryLaterError) as caught:
        client.run_once(namespace, "k", None, unexpected, wait_seconds=0)
    assert caught.value.retry_after_seconds > 0
    assert caught.value.answer.last_error.message == "provider busy"

    def work(attempt: Attempt) -> int:
        assert attempt.last_error is not None
        assert not attempt.is_taken_over
        return attempt.number

    assert client.run_once(namespace, "k", None, work, wait_seconds=10).value == 2


@pytest.mark.parametrize("error", [UnknownOutcomeError("lost"), ConnectionError("lost"), KeyboardInterrupt("lost")])
def test_an_unknown_outcome_holds_the_key(client: Client, namespace: str, error: BaseException) -> None:
    with pytest.raises(type(error), match="lost"):
        client.run_once(namespace, "k", None, raising(error))
    with pytest.raises(OrphanedError) as caught:
        client.run_once(namespace, "k", None, unexpected, wait_seconds=1)
    assert caught.value.answer.last_error.message == "lost"


def test_on_throw_says_what_other_errors_mean(client: Client, namespace: str) -> None:
    with pytest.raises(ValueError, match="no effect"):
        client.run_once(namespace, "k", None, raising(ValueError("no effect")), on_throw=lambda _: "retryable")
    assert client.run_once(namespace, "k", None, lambda attempt: attempt.number).value == 2


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), "\ud800", b"x" * (300 * 1024)])
def test_a_result_that_cannot_be_stored_holds_the_key(client: Client, namespace: str, value: Any) -> None:
    with pytest.raises(OutcomeNotRecordedError) as caught:
        client.run_once(namespace, "k", None, lambda _: value)
    assert caught.value.value is value
    with pytest.raises(OrphanedError):
        client.run_once(namespace, "k", None, unexpected)


def test_a_checkpoint_reaches_the_next_attempt(client: Client, namespace: str) -> None:
    def first(attempt: Attempt) -> NoReturn:
        assert attempt.previous_checkpoint is None
        attempt.save_checkpoint(b"charge-77")
        raise RetryableError("later")

    with pytest.raises(RetryableError):
        client.run_once(namespace, "k", None, first)
    assert client.run_once(namespace, "k", None, lambda attempt: attempt.previous_checkpoint).value == b"charge-77"


def test_a_with_statement_does_its_body_once(client: Client, namespace: str) -> None:
    seen = []
    for number in (1, 2):
        with client.once(namespace, "k", {"id": 1}) as once:
            if not once.is_replayed:
                assert current_attempt() is once.attempt
                once.result = (number, once.attempt.fencing_token > 0)
        seen.append((once.is_replayed, once.result))
    assert seen == [(False, [1, True]), (True, [1, True])]
    with pytest.raises(LookupError):
        _ = once.attempt


def test_a_with_statement_that_raises_ends_as_work_does(client: Client, namespace: str) -> None:
    with pytest.raises(IntentFailedError), client.once(namespace, "k", None):
        raise FinalError("no")
    with pytest.raises(ConnectionError), client.once(namespace, "k2", None):
        raise ConnectionError("lost")
    with pytest.raises(OrphanedError), client.once(namespace, "k2", None):
        pytest.fail("the body ran again")


def test_a_decorated_function_runs_once_for_its_arguments(client: Client, namespace: str) -> None:
    runs: list[int] = []

    @client.runs_once(namespace, key=lambda order, amount=1: order)
    def charge(order: str, amount: int = 1) -> int:
        attempt = current_attempt()
        assert attempt is not None
        assert attempt.key == order
        runs.append(amount)
        return len(runs)

    assert charge.__name__ == "charge"
    assert [charge("a"), charge(order="a", amount=1), charge("b"), charge("a")] == [1, 1, 2, 1]
    with pytest.raises(KeyReusedError):
        charge("a", 2)


@pytest.mark.parametrize("key", [None, 17, b"k", "\ud800", "", "  "])
def test_a_key_that_somebody_forgot_is_refused(client: Client, namespace: str, key: Any) -> None:
    with pytest.raises(InvalidFieldError) as caught:
        client.run_once(namespace, key, None, unexpected)
    assert list(caught.value.fields) == ["key"]


def test_reconcile_records_what_was_found_out(client: Client, namespace: str) -> None:
    for key in ("done", "not-done", "nobody-knows"):
        with pytest.raises(ConnectionError):
            client.run_once(namespace, key, None, raising(ConnectionError("lost")))
    errors: dict[str, str] = {}

    def review(record: Any, attempt: Attempt) -> str:
        if record.summary.key == "done":
            return "charged"
        raise RetryableError("not charged") if record.summary.key == "not-done" else ConnectionError("still")

    done = client.reconcile(namespace, review, on_error=lambda record, e: errors.update({record.summary.key: str(e)}))
    assert (done.claimed, done.completed) == (3, 1)
    assert errors == {"not-done": "not charged", "nobody-knows": "still"}
    assert client.run_once(namespace, "done", None, unexpected).value == "charged"
    assert client.run_once(namespace, "not-done", None, lambda attempt: attempt.number).value == 3
    with pytest.raises(OrphanedError):
        client.run_once(namespace, "nobody-knows", None, unexpected)


def test_labels_and_ttl_reach_the_record(client: Client, namespace: str) -> None:
    client.run_once(namespace, "k", None, lambda _: 1, labels={"trace": "t-1"}, ttl_seconds=60)
    record = client.lookup(LookupRequest(namespace=namespace, key="k"))
    assert record.labels["trace"] == "t-1"
    assert record.summary.expire_time.seconds - record.summary.settle_time.seconds in (59, 60, 61)


def test_many_runs_share_one_thread_that_keeps_their_leases(client: Client, namespace: str) -> None:
    before = set(threading.enumerate())

    def work(attempt: Attempt) -> int:
        time.sleep(0.7)
        attempt.raise_if_ending()
        return sum(thread.name == "onced-leases" for thread in set(threading.enumerate()) - before)

    with ThreadPoolExecutor(8) as callers:
        asked = [callers.submit(client.run_once, namespace, f"k{i}", None, work, lease_seconds=0.5) for i in range(8)]
        assert {answer.result().value for answer in asked} == {1}
