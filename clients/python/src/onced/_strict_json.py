"""JSON text with nothing that two readers could understand differently: no duplicate members, no invalid UTF-8."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from onced._refusal import FingerprintError


def parse_strict_json(text: str | bytes) -> Any:
    """The value of a JSON text (RFC 8259, no byte order mark). Raises FingerprintError."""
    if isinstance(text, bytes):
        try:
            text = text.decode()
        except UnicodeDecodeError as error:
            raise FingerprintError("NOT_JSON", "the bytes are not UTF-8") from error
    try:
        # Numbers are doubles; int() would also refuse those of more than 4,300 digits.
        return json.loads(
            text, parse_int=float, parse_float=float, parse_constant=_no_constant, object_pairs_hook=_members
        )
    except json.JSONDecodeError as error:
        raise FingerprintError("NOT_JSON", "the text is not JSON") from error
    except RecursionError as error:
        raise FingerprintError("TOO_DEEP", "hundreds of arrays and objects within one another") from error


def _no_constant(name: str) -> NoReturn:
    raise FingerprintError("NOT_JSON", f"{name} is not JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise FingerprintError("DUPLICATE_MEMBER", "a member stands twice in one object")
    return members
