"""Makes Django views idempotent by the Idempotency-Key header, as the IETF draft has it.

A request with a key runs its view once; repeats get the stored response with "Idempotency-Replayed: true". While it runs
they get 409 and Retry-After, with another request under the same key 422. Under ASGI, onced.asgi around the whole
application does the same without a thread for each request.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse, UnreadablePostError

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
from onced._http.problem import problem
from onced._http.response import Response
from onced._values import StoredResult
from onced.attempt import Attempt
from onced.client import Client

__all__ = ["HttpOptions", "IdempotencyMiddleware", "default_verdict"]

View = Callable[[Any], Any]


class IdempotencyMiddleware:
    """Subclass it with a client, a namespace and caller_of, and name the subclass in MIDDLEWARE, behind authentication."""

    client: ClassVar[Client]
    namespace: ClassVar[str]
    options: ClassVar[HttpOptions] = HttpOptions()
    sync_capable = True
    async_capable = False

    def __init__(self, get_response: View) -> None:
        self._get_response = get_response

    def caller_of(self, request: Any) -> str | None:
        """Whose key it is: a tenant or principal that was authenticated.

        Keys of two callers never meet; None refuses the request with 401. Never use an address: people behind one share it.
        """
        raise NotImplementedError("say in caller_of whose the keys are")

    def __call__(self, request: Any) -> Any:
        header = request.headers.get(self.options.key_header)
        values = [] if header is None else [header]
        key = key_or_refusal(self.options, request.method, request.path, values)
        if key is None:
            return self._get_response(request)
        if isinstance(key, Response):
            return _django(key)
        at_server = stored_key(key, self.caller_of(request))
        if isinstance(at_server, Response):
            return _django(at_server)
        body = self._read(request)
        return _django(body) if isinstance(body, Response) else self._serve_once(key, at_server, request, body)

    def _read(self, request: Any) -> bytes | Response:
        """Whole, since a caller whose request is refused unread gets a broken connection instead of the answer. Django itself
        bounds it by DATA_UPLOAD_MAX_MEMORY_SIZE.
        """
        try:
            body: bytes = request.body
        except RequestDataTooBig:
            return TOO_LARGE
        except UnreadablePostError:
            return problem("unreadable", "the request could not be read")
        return TOO_LARGE if len(body) > self.options.request_bytes_max else body

    def _serve_once(self, key: str, at_server: str, request: Any, body: bytes) -> Any:
        run = run_options(
            self.options,
            key=key,
            method=request.method,
            path=request.path,
            target=_target(request),
            content_type=request.META.get("CONTENT_TYPE", ""),
            body=body,
        )
        handling = _Handling(self._get_response, request, self.options)
        try:
            result = self.client.run_stored(self.namespace, at_server, handling.work, **run)
        except Exception as error:
            if handling.response is None:
                if handling.has_begun:
                    raise  # the view's own
                return _django(refusal(error))
            assert handling.kept is not None
            instead = instead_of(handling.kept, error, self.options)
            return handling.response if instead is handling.kept else _django(instead)
        if result.is_replayed:
            return _django(replay_of(result))
        for name, value in extra_headers(result):
            handling.response.headers[name] = value
        return handling.response


class _Handling:
    """One request on its way through the view."""

    def __init__(self, get_response: View, request: Any, options: HttpOptions) -> None:
        self._get_response = get_response
        self._request = request
        self._options = options
        self.has_begun = False
        self.response: Any = None
        """Django's own, which its caller gets."""
        self.kept: Response | None = None

    def work(self, attempt: Attempt) -> StoredResult:
        self.has_begun = True
        response = self._get_response(self._request)
        body = _body(response, self._options.response_bytes_max)
        headers = [(name, value) for name, value in response.items()]
        self.kept = Response(response.status_code, headers, body or b"", is_kept=body is not None)
        self.response = response
        return outcome_of(self.kept, self._options)


def _body(response: Any, bytes_max: int) -> bytes | None:
    """None when there is more than can be stored. A stream is read up to that, and its rest left to the caller."""
    if not response.streaming:
        return response.content if len(response.content) <= bytes_max else None
    if response.is_async:
        return None
    chunks: list[bytes] = []
    stream: Iterator[bytes] = iter(response.streaming_content)
    for chunk in stream:
        chunks.append(chunk)
        if sum(map(len, chunks)) > bytes_max:
            response.streaming_content = itertools.chain(chunks, stream)
            return None
    response.streaming_content = chunks
    return b"".join(chunks)


def _django(response: Response) -> Any:
    made = HttpResponse(response.body, status=response.status)
    del made.headers["Content-Type"]
    for name, value in response.headers:
        # Django has one value a name.
        made.headers[name] = f"{made.headers[name]}, {value}" if name in made.headers else value
    return made


def _target(request: Any) -> str:
    """As sent, where the server tells: RAW_URI is gunicorn's, REQUEST_URI that of uWSGI and mod_wsgi."""
    sent: str = request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or ""
    return sent if sent.startswith("/") else request.get_full_path()
