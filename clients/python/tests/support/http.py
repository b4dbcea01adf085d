"""HTTP over real sockets: a FastAPI and a Django application whose effects are counted, and a client."""

from __future__ import annotations

import asyncio
import http.client
import json
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

from onced import AsyncClient, Client, current_attempt
from onced.asgi import HttpOptions, IdempotencyMiddleware

LARGE = b"0123456789abcdef" * 40_000


@dataclass
class Effects:
    """What the applications' handlers have done, and how to hold them up."""

    counts: Counter[str] = field(default_factory=Counter)
    started: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)
    afterwards: threading.Event = field(default_factory=threading.Event)

    def count(self, key: str) -> int:
        self.counts[key] += 1
        return sum(self.counts.values())


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    def problem(self) -> tuple[int, str]:
        assert self.headers["content-type"] == "application/problem+json"
        return self.status, json.loads(self.body)["type"].removeprefix("urn:onced:problem:")


@dataclass
class Site:
    """A running application."""

    address: str
    effects: Effects

    def send(
        self,
        path: str,
        key: str | None,
        body: bytes = b"{}",
        *,
        method: str = "POST",
        tenant: str = "acme",
        address: str = "",
    ) -> Reply:
        """Raises OSError or HTTPException when there is no whole reply."""
        connection = http.client.HTTPConnection(address or self.address, timeout=30)
        headers = {"Content-Type": "application/json", "Tenant": tenant, "Connection": "close"}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()


def location(number: int) -> dict[str, str]:
    return {"Location": f"/charges/{number}", "Set-Cookie": "session=secret"}


@contextmanager
def fastapi_site(server: str, namespace: str, options: HttpOptions) -> Iterator[Site]:
    effects = Effects()
    client = AsyncClient(server)
    app = FastAPI()
    app.add_middleware(
        IdempotencyMiddleware,
        client=client,
        namespace=namespace,
        caller_of=lambda scope: dict(scope["headers"]).get(b"tenant", b"").decode(),
        options=options,
    )

    @app.api_route("/charges", methods=["GET", "POST", "PATCH"])
    async def charge(request: Request) -> Response:
        body = await request.body()
        number = effects.count(request.headers.get("idempotency-key", ""))
        content = json.dumps({"number": number, "request": body.decode()})
        return Response(content, 201, location(number), "application/json")

    @app.post("/slow")
    def slow() -> dict[str, int]:
        effects.started.set()
        effects.may_end.wait(30)
        assert current_attempt() is not None
        return {"number": effects.count("slow")}

    @app.post("/status/{status}")
    async def status(status: int) -> Response:
        effects.count(str(status))
        return Response(b"as asked", status, media_type="text/plain")

    @app.post("/large")
    async def large() -> StreamingResponse:
        effects.count("large")
        return StreamingResponse(iter([LARGE[:100], LARGE[100:]]))

    @app.post("/broken")
    async def broken() -> None:
        raise RuntimeError("broken on purpose")

    @app.post("/later")
    async def later() -> Response:
        async def afterwards() -> None:
            await asyncio.to_thread(effects.may_end.wait, 30)
            effects.afterwards.set()

        return Response(b"accepted", 202, background=BackgroundTask(afterwards))

    config = uvicorn.Config(app, "127.0.0.1", 0, log_config=None, lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield Site(f"127.0.0.1:{port}", effects)
    effects.may_end.set()
    running.should_exit = True
    thread.join()
    client.close()


class _ThreadingServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who hangs up is no news."""


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@contextmanager
def django_site(server: str, namespace: str, options: HttpOptions) -> Iterator[Site]:
    from support import django_app

    effects = Effects()
    client = Client(server)
    application = django_app.application(effects, client, namespace, options)
    running = _ThreadingServer(("127.0.0.1", 0), _QuietHandler)
    running.set_app(application)
    thread = threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Site(f"127.0.0.1:{running.server_address[1]}", effects)
    effects.may_end.set()
    running.shutdown()
    running.server_close()
    thread.join()
    client.close()


SITES: dict[str, Callable[[str, str, HttpOptions], Any]] = {"fastapi": fastapi_site, "django": django_site}
