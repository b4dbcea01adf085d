"""Makes an ASGI application (FastAPI, Starlette, Django) idempotent by the Idempotency-Key header, as the IETF draft has it.

A request with a key runs its handler once; repeats get the stored response with "Idempotency-Replayed: true". While it runs
they get 409 and Retry-After, with another request under the same key 422. A client that hangs up cancels nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from onced._http.exchange import (
    TOO_LARGE,
    extra_headers,
    instead_of,
    key_or_refusal,
    outcome_of,
    refusal,
    replay_of,
    run_options,
    stored_key,
)
from onced._http.options import HttpOptions, default_verdict
from onced._http.response import Response
from onced._values import StoredResult
from onced.aio import AsyncClient
from onced.attempt import AsyncAttempt

__all__ = ["HttpOptions", "IdempotencyMiddleware", "default_verdict"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class IdempotencyMiddleware:
    """Put it behind authentication.

    `caller_of` tells from a request's scope whose key it is: a tenant or principal that was authenticated. Keys of two
    callers never meet; None refuses the request with 401. Never use an address: people behind one share it.
    """

    def __init__(
        self,
        app: App,
        *,
        client: AsyncClient,
        namespace: str,
        caller_of: Callable[[Scope], str | None],
        options: HttpOptions | None = None,
    ) -> None:
        self._app = app
        self._client = client
        self._namespace = namespace
        self._caller_of = caller_of
        self._options = options or HttpOptions()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        values = _header_values(scope, self._options.key_header)
        key = key_or_refusal(self._options, scope["method"], scope["path"], values)
        if key is None:
            await self._app(scope, receive, send)
        elif isinstance(key, Response):
            await _send(key, send)
        else:
            await self._serve_once(key, scope, receive, send)

    async def _serve_once(self, key: str, scope: Scope, receive: Receive, send: Send) -> None:
        at_server = stored_key(key, self._caller_of(scope))
        if isinstance(at_server, Response):
            await _send(at_server, send)
            return
        body = await _read(receive, self._options.request_bytes_max)
        if body is None:
            return  # the caller left before the request was whole
        if isinstance(body, Response):
            await _send(body, send)
            return
        run = run_options(
            self._options,
            key=key,
            method=scope["method"],
            path=scope["path"],
            target=_target(scope),
            content_type=",".join(_header_values(scope, "content-type")[:1]),
            body=body,
        )
        handling = _Handling(self._app, scope, body, send, self._options)
        try:
            result = await self._client.run_stored(self._namespace, at_server, handling.work, **run)
        except Exception as error:
            if not handling.has_answered:
                if handling.has_begun:
                    raise  # the application's own
                await _send(refusal(error), send)
                return
            await handling.finish(instead_of(handling.response(), error, self._options))
        else:
            if result.is_replayed:
                await _send(replay_of(result), send)
                return
            await handling.finish(handling.response().with_headers(*extra_headers(result)))


class _Handling:
    """One request on its way through the application. Its response is held back until it is recorded."""

    def __init__(self, app: App, scope: Scope, body: bytes, send: Send, options: HttpOptions) -> None:
        self._app = app
        self._scope = scope
        self._body: bytes | None = body
        self._send = send
        self._options = options
        self._application: asyncio.Future[None] | None = None
        self._start: Message | None = None
        self._chunks = bytearray()
        self._is_passing = False  # over the limit: it cannot be stored, and is let through
        self._answered = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        return self._application is not None

    @property
    def has_answered(self) -> bool:
        return self._answered.is_set()

    async def work(self, attempt: AsyncAttempt) -> StoredResult:
        """Ends with the response; what the application does after that, it does without a lease."""
        self._application = asyncio.ensure_future(self._app(self._scope, self._receive, self._capture))
        answered = asyncio.create_task(self._answered.wait())
        try:
            await asyncio.wait({self._application, answered}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._application.cancel()
            await asyncio.wait({self._application})
            raise
        finally:
            answered.cancel()
        if not self.has_answered:
            self._application.result()  # raises what it raised
            raise RuntimeError("the application ended without a response")
        return outcome_of(self.response(), self._options)

    async def finish(self, response: Response) -> None:
        """Answers the caller, and waits for what the application still does."""
        if not self._is_passing:
            await _send(response, self._send)
        assert self._application is not None
        await self._application

    def response(self) -> Response:
        assert self._start is not None
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._start.get("headers", ())]
        return Response(self._start["status"], headers, bytes(self._chunks), is_kept=not self._is_passing)

    async def _receive(self) -> Message:
        if self._body is None:
            # Neither more of the request nor the caller's leaving, which the application must not see.
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def _capture(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            await self._capture_body(message)

    async def _capture_body(self, message: Message) -> None:
        chunk: bytes = message.get("body", b"")
        if not self._is_passing and len(self._chunks) + len(chunk) > self._options.response_bytes_max:
            assert self._start is not None
            self._is_passing = True
            await self._send(self._start)
            await self._send({"type": "http.response.body", "body": bytes(self._chunks), "more_body": True})
        if self._is_passing:
            await self._send(message)
        else:
            self._chunks += chunk
        if not message.get("more_body", False):
            self._answered.set()


async def _send(response: Response, send: Send) -> None:
    """The same for a response and its replay."""
    headers = [(name, value) for name, value in response.headers if name.lower() != "content-length"]
    if response.body:
        headers.append(("content-length", str(len(response.body))))
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": response.body, "more_body": False})


async def _read(receive: Receive, bytes_max: int) -> bytes | Response | None:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > bytes_max:
            return TOO_LARGE
        if not message.get("more_body", False):
            return bytes(body)


def _header_values(scope: Scope, name: str) -> list[str]:
    wanted = name.lower().encode()
    return [value.decode("latin-1") for known, value in scope["headers"] if known.lower() == wanted]


def _target(scope: Scope) -> str:
    raw: bytes | None = scope.get("raw_path")
    path = quote(scope["path"]) if raw is None else raw.partition(b"?")[0].decode("latin-1")
    query: bytes = scope.get("query_string", b"")
    return f"{path}?{query.decode('latin-1')}" if query else path
