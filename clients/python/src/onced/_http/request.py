"""What a request is, for its fingerprint: method, target and body. JSON is compared as JSON, anything else as bytes."""

from __future__ import annotations

from collections.abc import Sequence

from onced._strict_json import parse_strict_json
from onced.fingerprint import FingerprintError, fingerprint_bytes, fingerprint_json
from onced.v1.record_pb2 import Fingerprint


def request_fingerprint(
    method: str, target: str, content_type: str, body: bytes, exclude: Sequence[str] = ()
) -> Fingerprint:
    """`target` is path and query as sent, which no routing has changed."""
    if _is_json(content_type):
        try:
            envelope = {"body": parse_strict_json(body), "method": method, "target": target}
            return fingerprint_json(envelope, exclude=[f"/body{pointer}" for pointer in exclude])
        except FingerprintError as error:
            if error.reason == "INVALID_EXCLUDE":
                raise
    return fingerprint_bytes(f"{method} {target}\n".encode(errors="surrogatepass") + body)


def _is_json(content_type: str) -> bool:
    media = content_type.partition(";")[0].strip().lower()
    return media == "application/json" or (media.count("/") == 1 and media.endswith("+json"))
