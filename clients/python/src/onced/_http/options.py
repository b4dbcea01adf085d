"""What the HTTP adapters can be told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from onced.options import RunOptions

Need = Literal["never", "optional", "required"]
Verdict = Literal["store", "release", "hold"]

_RELEASED = frozenset({401, 403, 407, 408, 409, 423, 425, 429, 501, 503})
REPLAYED_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "etag",
    "last-modified",
    "link",
    "location",
    "vary",
)


def default_need(method: str, path: str) -> Need:
    """POST and PATCH must carry a key, all others pass."""
    del path
    return "required" if method in ("POST", "PATCH") else "never"


def default_verdict(status: int) -> Verdict:
    """Stores successes, redirections and refusals that come from the request itself.

    A corrected request has another body, and needs another key anyway. What depends on the moment is released. After any
    other server error nobody knows how far the handler got.
    """
    if status in _RELEASED:
        return "release"
    return "hold" if status >= 500 else "store"


@dataclass(frozen=True)
class HttpOptions:
    """For the ASGI and the Django middleware."""

    need: Callable[[str, str], Need] = default_need
    """Whether a request, by method and path, must, may or need not carry a key."""
    key_header: str = "Idempotency-Key"
    verdict: Callable[[int], Verdict] = default_verdict
    """What a response means for its key, by its status. store: it is the outcome. release: nothing was done, the same key may
    be tried again. hold: nobody knows, so nobody may try again until somebody has looked."""
    replayed_headers: Sequence[str] = REPLAYED_HEADERS
    """Headers that are stored and replayed. Never name one that holds a secret, such as set-cookie."""
    request_bytes_max: int = 1024 * 1024
    """A request with a key is held in memory; larger ones get 413."""
    response_bytes_max: int = 250 * 1024
    """The body of a larger response reaches its caller but is not kept: repeats get 410. The namespace's result_bytes_max must
    be larger."""
    exclude: Sequence[str] = ()
    """Parts of a JSON body that do not belong to its meaning; see fingerprint_json."""
    run: RunOptions = field(default_factory=RunOptions)
    """Such as lease_seconds, ttl_seconds, or wait_seconds to wait for an outcome instead of answering 409 at once."""
