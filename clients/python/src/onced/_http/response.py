"""A response, stored in the form that HTTP itself gives it: status line, headers, an empty line, the body.

So every client reads it, and a person too. The rules are in clients/vectors/README.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from onced._values import StoredResult

STORED_TYPE = "message/http"
_STATUS_LABEL = "http.status"
_BODY_LABEL = "http.body"  # "not-kept" for a body over the limit
_NOT_KEPT = "not-kept"

Headers = list[tuple[str, str]]


@dataclass(frozen=True)
class Response:
    """Header values are Latin-1, as on the wire."""

    status: int
    headers: Headers
    body: bytes
    is_kept: bool = True

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known.lower() == name), "")

    def with_headers(self, *headers: tuple[str, str]) -> Response:
        return Response(self.status, [*self.headers, *headers], self.body, self.is_kept)

    def stored(self, allowed: Iterable[str]) -> StoredResult:
        """Keeps the headers of the allow-list only."""
        text = f"HTTP/1.1 {self.status} \r\n"
        for name in sorted({name.lower() for name in allowed}):
            for known, value in self.headers:
                if known.lower() == name:
                    text += f"{name}: {_one_line(value)}\r\n"
        labels = {_STATUS_LABEL: str(self.status)}
        if not self.is_kept:
            labels[_BODY_LABEL] = _NOT_KEPT
        data = f"{text}\r\n".encode("latin-1", "replace") + (self.body if self.is_kept else b"")
        return StoredResult(data, STORED_TYPE, labels=labels)


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ").strip()


def restored(result: StoredResult) -> Response:
    """Reads what `stored` made, in any language. Raises ValueError for an outcome that is no response."""
    head, separator, body = result.data.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    version, _, status = status_line.partition(" ")
    if result.content_type != STORED_TYPE or separator == b"" or not version.startswith("HTTP/"):
        raise ValueError(f"the outcome of this key is {result.content_type!r}, not a response")
    headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Response(int(status.strip()[:3]), headers, body, result.labels.get(_BODY_LABEL) != _NOT_KEPT)
