"""From a request to its run, and from how the run ended to a response."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from onced._http.key import KEY_RULE, MalformedKeyError, read_key
from onced._http.options import HttpOptions
from onced._http.problem import REPLAYED, problem, refusal
from onced._http.request import request_fingerprint
from onced._http.response import Response, restored
from onced._run import RunResult
from onced._settle import cut
from onced._values import StoredResult
from onced.fingerprint import derive_key
from onced.options import RunOptions
from onced.work_errors import OutcomeNotRecordedError, RetryableError, UnknownOutcomeError

_BEGIN_TIMEOUT = 5.0  # then 503: the client may come back
_LABEL_BYTES_MAX = 256


def key_or_refusal(options: HttpOptions, method: str, path: str, values: Sequence[str]) -> str | Response | None:
    """None: the request passes as it is."""
    need = options.need(method, path)
    if need == "never":
        return None
    try:
        key = read_key(values)
    except MalformedKeyError:
        return problem("key-malformed", KEY_RULE)
    if key is None and need == "required":
        return problem("key-missing", f"this request needs an {options.key_header} header")
    return key


def stored_key(key: str, caller: str | None) -> str | Response:
    """Keys of two callers never meet."""
    if not caller:
        return problem("unauthenticated", "an idempotency key needs an authenticated caller")
    return derive_key(key, caller)


TOO_LARGE = problem("too-large", "the request is too large to be made idempotent")


def run_options(
    options: HttpOptions, *, key: str, method: str, path: str, target: str, content_type: str, body: bytes
) -> RunOptions:
    labels = {"http.key": key, "http.method": method, "http.path": cut(path, _LABEL_BYTES_MAX)}
    asked = RunOptions(wait_seconds=0, begin_timeout_seconds=_BEGIN_TIMEOUT, labels=labels)
    asked.update(options.run)
    if "fingerprints" not in options.run:
        asked["fingerprints"] = [request_fingerprint(method, target, content_type, body, options.exclude)]
    return asked


def outcome_of(response: Response, options: HttpOptions) -> StoredResult:
    """Raises what says that the response is no outcome."""
    match options.verdict(response.status):
        case "release":
            after = _retry_after(response.header("retry-after"))
            raise RetryableError(f"the handler answered {response.status}", retry_after_seconds=after)
        case "hold":
            raise UnknownOutcomeError(f"the handler answered {response.status}")
        case _:
            return response.stored(options.replayed_headers)


def _retry_after(value: str) -> float:
    """What a handler told its caller; only in seconds, since a date needs two clocks that agree."""
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else 0


def extra_headers(result: RunResult[StoredResult]) -> list[tuple[str, str]]:
    return [("Idempotency-Expires", http_date(result.expire_time))]


def http_date(instant: datetime) -> str:
    return format_datetime(instant, usegmt=True)


def replay_of(result: RunResult[StoredResult]) -> Response:
    try:
        response = restored(result.value)
    except ValueError as error:
        return problem("refused", str(error))
    headers = [REPLAYED, *extra_headers(result)]
    if not response.is_kept:
        detail = f"it was answered {response.status} before; that response is not kept"
        return problem("response-not-kept", detail, *headers)
    return response.with_headers(*headers)


def instead_of(response: Response, error: Exception, options: HttpOptions) -> Response:
    """What the caller of the handler that ran now gets when its run ended with an error."""
    if isinstance(error, OutcomeNotRecordedError) and options.verdict(response.status) == "store":
        # Whoever asks again may have it done again; to be told that all is well would be wrong.
        return problem("unavailable", "the request was carried out, but its outcome could not be recorded")
    return response


__all__ = [
    "TOO_LARGE",
    "extra_headers",
    "instead_of",
    "key_or_refusal",
    "outcome_of",
    "refusal",
    "replay_of",
    "run_options",
    "stored_key",
]
