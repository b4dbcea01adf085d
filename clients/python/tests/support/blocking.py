"""Both clients behind one face that blocks, so that one runner of scenarios drives either."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from onced import AsyncAttempt, AsyncClient, Attempt, Client, RunOptions, RunResult
from onced.v1.idempotency_pb2 import BeginIntentRequest, BeginIntentResponse

T = TypeVar("T")


class BlockingClient(Protocol):
    def run_once(
        self, namespace: str, key: str, request: object, work: Callable[[Any], Any], options: RunOptions
    ) -> RunResult[Any]: ...
    def begin(self, request: BeginIntentRequest) -> BeginIntentResponse: ...
    def save_checkpoint(self, attempt: Any, data: bytes) -> None: ...


class ThreadsClient:
    def __init__(self, address: str) -> None:
        self._client = Client(address)

    def run_once(
        self, namespace: str, key: str, request: object, work: Callable[[Any], Any], options: RunOptions
    ) -> RunResult[Any]:
        return self._client.run_once(namespace, key, request, work, **options)

    def begin(self, request: BeginIntentRequest) -> BeginIntentResponse:
        return self._client.begin(request)

    def save_checkpoint(self, attempt: Attempt, data: bytes) -> None:
        attempt.save_checkpoint(data)


class AsyncioClient:
    """On an event loop of its own; the work runs on a thread, and goes on when its coroutine is cancelled."""

    def __init__(self, address: str) -> None:
        self._client = AsyncClient(address)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def run_once(
        self, namespace: str, key: str, request: object, work: Callable[[Any], Any], options: RunOptions
    ) -> RunResult[Any]:
        async def on_thread(attempt: AsyncAttempt) -> Any:
            working = asyncio.ensure_future(asyncio.to_thread(work, attempt))
            while not working.done():
                try:
                    await asyncio.wait({working})
                except asyncio.CancelledError:
                    continue
            return working.result()

        return self._wait(self._client.run_once(namespace, key, request, on_thread, **options))

    def begin(self, request: BeginIntentRequest) -> BeginIntentResponse:
        return self._wait(self._client.begin(request))

    def save_checkpoint(self, attempt: AsyncAttempt, data: bytes) -> None:
        self._wait(attempt.save_checkpoint(data))

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


CLIENTS: dict[str, Callable[[str], BlockingClient]] = {"threads": ThreadsClient, "asyncio": AsyncioClient}
