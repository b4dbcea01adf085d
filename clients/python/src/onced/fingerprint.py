"""Fingerprints: hashes of the request that a key stands for, the same in every language.

The rules are in clients/vectors/README.md, and clients/vectors/fingerprints.json holds the cases that every client must
reproduce.
"""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Sequence
from typing import Any

from onced._canonical import canonical_json
from onced._refusal import FingerprintError
from onced._strict_json import parse_strict_json
from onced.v1.record_pb2 import Fingerprint

__all__ = [
    "BYTES_SCHEME",
    "JSON_SCHEME",
    "FingerprintError",
    "canonical_json",
    "derive_key",
    "fingerprint_bytes",
    "fingerprint_json",
    "fingerprint_json_text",
]

JSON_SCHEME = "jcs-sha256-v1"
"""RFC 8785 canonical JSON, encoded as UTF-8, hashed with SHA-256."""
BYTES_SCHEME = "sha256-v1"
"""The bytes as they are, hashed with SHA-256."""

_KEY_BYTES_MAX = 512
# Names what is hashed, so that the digest can never be one that something else made.
_DERIVE_DOMAIN = "onced-derive-key-v1"


def fingerprint_json(value: Any, *, exclude: Sequence[str] = ()) -> Fingerprint:
    """Fingerprint of a value, as JSON: dict, list, tuple, str, int, float, bool, None and dataclasses of them.

    `exclude` names parts that do not belong to the request's meaning, such as a time stamp that changes with every retry:
    JSON pointers (RFC 6901) in which a segment `*` stands for every member or element. `/sent_at`, `/items/0/trace`. A
    pointer that finds nothing is fine. Raises FingerprintError for what has no JSON that every language reads alike.
    """
    canonical = canonical_json(value, exclude=exclude)
    return Fingerprint(scheme=JSON_SCHEME, digest=hashlib.sha256(canonical.encode()).digest())


def fingerprint_json_text(text: str | bytes, *, exclude: Sequence[str] = ()) -> Fingerprint:
    """Fingerprint of JSON that came as text, such as an HTTP body: equal to that of the parsed value.

    Raises FingerprintError also for invalid JSON or UTF-8 and for duplicate members, which a parsed value no longer shows.
    """
    return fingerprint_json(parse_strict_json(text), exclude=exclude)


def fingerprint_bytes(data: bytes) -> Fingerprint:
    """Fingerprint of bytes as they are. For requests that are not JSON."""
    return Fingerprint(scheme=BYTES_SCHEME, digest=hashlib.sha256(data).digest())


def derive_key(key: str, step: str) -> str:
    """The key of one step of an operation.

    The same for the same two arguments in every release and language, different for any other pair. 45 characters of
    A-Z a-z 0-9 - _, so that payment providers take it as an idempotency key too. derive_key("order-17", "charge") and
    derive_key("order-17", "mail") let one order do each step once. Raises FingerprintError INVALID_KEY for a key or step
    that Onced would refuse as a key.
    """
    _check_key("key", key)
    _check_key("step", step)
    # Neither holds a NUL, so no other pair gives the same bytes.
    digest = hashlib.sha256(f"{_DERIVE_DOMAIN}\0{key}\0{step}".encode()).digest()
    return "d1" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _check_key(name: str, value: str) -> None:
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise FingerprintError("INVALID_KEY", f"{name} holds half of a surrogate pair") from None
    if size > _KEY_BYTES_MAX:
        raise FingerprintError("INVALID_KEY", f"{name} has {size} bytes of UTF-8; at most {_KEY_BYTES_MAX} are allowed")
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise FingerprintError("INVALID_KEY", f"{name} holds a control character")
    if is_blank(value):
        raise FingerprintError("INVALID_KEY", f"{name} is empty or blank: it would be shared by all who forgot theirs")


def is_blank(text: str) -> bool:
    # U+FEFF is a blank to ECMAScript, whose rule the server follows, and not to Python.
    return text.replace("\ufeff", "").strip() == ""
