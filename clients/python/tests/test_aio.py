"""The asyncio client: the same, and what cancelling means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

import pytest

from onced import (
    AsyncAttempt,
    AsyncClient,
    Client,
    FinalError,
    IntentFailedError,
    LeaseEndingError,
    OrphanedError,
    RetryableError,
    current_attempt,
)
from support.proxy import Proxy
from support.server import Server

T = TypeVar("T")


async def unexpected(attempt: AsyncAttempt) -> NoReturn:
    pytest.fail("the work ran")


def number_of(number: int) -> Callable[[AsyncAttempt], Awaitable[int]]:
    async def work(attempt: AsyncAttempt) -> int:
        return number

    return work


def test_a_repeat_gets_the_first_result_also_from_the_other_client(
    server: Server, client: Client, namespace: str
) -> None:
    async def main() -> None:
        async with AsyncClient(server.address) as aio:
            results = [(await aio.run_once(namespace, "k", {"a": 1}, number_of(n))).value for n in (1, 2)]
            assert results == [1, 1]

    asyncio.run(main())
    assert client.run_once(namespace, "k", {"a": 1}, lambda _: 3).value == 1


def test_those_who_come_at_the_same_time_get_the_result_of_one(server: Server, namespace: str) -> None:
    runs: list[int] = []

    async def work(attempt: AsyncAttempt) -> int:
        await asyncio.sleep(0.1)
        runs.append(attempt.number)
        return len(runs)

    async def main() -> None:
        async with AsyncClient(server.address) as aio:
            done = await asyncio.gather(*(aio.run_once(namespace, "k", None, work) for _ in range(50)))
        assert [result.value for result in done] == [1] * 50

    asyncio.run(main())
    assert runs == [1]


def test_work_is_finished_and_recorded_though_its_caller_was_cancelled(server: Server, namespace: str) -> None:
    async def main() -> None:
        started = asyncio.Event()

        async def work(attempt: AsyncAttempt) -> int:
            started.set()
            await asyncio.sleep(0.3)
            return 1

        async with AsyncClient(server.address) as aio:
            caller = asyncio.create_task(aio.run_once(namespace, "k", None, work))
            await started.wait()
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
            assert (await aio.run_once(namespace, "k", None, unexpected)).value == 1

    asyncio.run(main())


def test_a_caller_who_leaves_before_the_work_gives_the_lease_back(server: Server, namespace: str) -> None:
    async def main() -> None:
        async with AsyncClient(server.address) as aio:
            for i in range(20):
                caller = asyncio.create_task(aio.run_once(namespace, f"k{i}", None, unexpected))
                await asyncio.sleep(0)  # the begin is sent
                caller.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await caller
            # Sooner than the leases of 30 s.
            for i in range(20):
                assert (await aio.run_once(namespace, f"k{i}", None, number_of(2), wait_seconds=15)).value == 2

    asyncio.run(main())


def test_work_is_cancelled_before_its_lease_can_be_lost(proxy: Proxy, client: Client, namespace: str) -> None:
    async def main() -> None:
        remaining: list[float] = []

        async def work(attempt: AsyncAttempt) -> None:
            proxy.is_silent = True
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                remaining.append(attempt.remaining_seconds)
                proxy.is_silent = False
                proxy.cut()
                raise

        async with AsyncClient(proxy.address) as aio:
            with pytest.raises(LeaseEndingError):
                await aio.run_once(namespace, "k", None, work, lease_seconds=1)
            with pytest.raises(LeaseEndingError):
                async with aio.once(namespace, "k2", None, lease_seconds=1) as once:
                    await work(once.attempt)
        assert min(remaining) > 0

    asyncio.run(main())
    for key in ("k", "k2"):
        with pytest.raises(OrphanedError):
            client.run_once(namespace, key, None, lambda _: 1)


def test_a_blocked_event_loop_keeps_its_lease(server: Server, client: Client, namespace: str) -> None:
    async def work(attempt: AsyncAttempt) -> float:
        time.sleep(1.5)  # noqa: ASYNC251
        return attempt.remaining_seconds

    async def main() -> float:
        async with AsyncClient(server.address) as aio:
            return (await aio.run_once(namespace, "k", None, work, lease_seconds=0.6)).value

    assert asyncio.run(main()) > 0


def test_an_event_loop_that_ends_says_that_it_does_not_know(server: Server, client: Client, namespace: str) -> None:
    async def work(attempt: AsyncAttempt) -> None:
        await asyncio.sleep(30)

    async def main() -> None:
        aio = AsyncClient(server.address)
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await asyncio.wait_for(aio.run_once(namespace, "k", None, work), 0.5)

    asyncio.run(main())
    with pytest.raises(OrphanedError) as caught:
        client.run_once(namespace, "k", None, lambda _: 1)
    assert caught.value.answer.last_error.code == "CancelledError"


def test_an_async_with_statement_does_its_body_once(server: Server, namespace: str) -> None:
    async def main() -> None:
        async with AsyncClient(server.address) as aio:
            for _ in range(2):
                async with aio.once(namespace, "k", None) as once:
                    if not once.is_replayed:
                        assert current_attempt() is once.attempt
                        await once.attempt.save_checkpoint(b"c")
                        once.result = {"n": 1}
                assert once.result == {"n": 1}
            with pytest.raises(IntentFailedError):
                async with aio.once(namespace, "k2", None):
                    raise FinalError("no")

    asyncio.run(main())


def test_a_cancelled_body_holds_its_key(server: Server, client: Client, namespace: str) -> None:
    async def main() -> None:
        async with AsyncClient(server.address) as aio:

            async def body() -> None:
                async with aio.once(namespace, "k", None):
                    await asyncio.sleep(30)

            task = asyncio.create_task(body())
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    with pytest.raises(OrphanedError):
        client.run_once(namespace, "k", None, lambda _: 1)


def test_a_decorated_coroutine_runs_once_for_its_arguments(server: Server, namespace: str) -> None:
    async def main() -> list[int]:
        async with AsyncClient(server.address) as aio:
            runs: list[str] = []

            @aio.runs_once(namespace, key=lambda order: order)
            async def charge(order: str) -> int:
                runs.append(order)
                return len(runs)

            return [await charge("a"), await charge("b"), await charge("a")]

    assert asyncio.run(main()) == [1, 2, 1]


def test_reconcile_reviews_all_at_once(server: Server, namespace: str) -> None:
    async def lost(attempt: AsyncAttempt) -> None:
        raise ConnectionError

    async def main() -> None:
        async with AsyncClient(server.address) as aio:
            for key in ("a", "b"):
                with pytest.raises(ConnectionError):
                    await aio.run_once(namespace, key, None, lost)
            reviewed, have_met = set(), asyncio.Event()

            async def review(record: object, attempt: AsyncAttempt) -> str:
                reviewed.add(attempt.key)
                if len(reviewed) == 2:
                    have_met.set()
                await have_met.wait()
                if attempt.key == "a":
                    raise RetryableError("not done")
                return "done"

            done = await aio.reconcile(namespace, review)
            assert (done.claimed, done.completed) == (2, 1)
            assert (await aio.run_once(namespace, "b", None, unexpected)).value == "done"

    asyncio.run(main())


@contextmanager
def silent(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    capfd.readouterr()
    yield
    assert capfd.readouterr() == ("", "")


def test_nothing_is_written_to_the_console(
    proxy: Proxy, namespace: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(attempt: AsyncAttempt) -> None:
        await asyncio.sleep(0.2)
        raise ConnectionError("lost")

    async def main() -> None:
        async with AsyncClient(proxy.address) as aio:
            left = asyncio.create_task(aio.run_once(namespace, "k", None, fails))
            await asyncio.sleep(0.1)
            left.cancel()
            with pytest.raises(asyncio.CancelledError):
                await left
            await aio.drain()
            proxy.refuse(True)
            with pytest.raises(Exception, match="UNREACHABLE"):
                await aio.run_once(namespace, "k2", None, unexpected, begin_timeout_seconds=1)

    with silent(capfd):
        asyncio.run(main())
    assert [record for record in caplog.records if record.name.startswith(("asyncio", "grpc"))] == []
