"""Results of work, as bytes and back. Both the caller who ran it and those who get it replayed receive what the bytes say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

JSON_TYPE = "application/json"
BYTES_TYPE = "application/octet-stream"


@dataclasses.dataclass(frozen=True)
class StoredResult:
    """An outcome as it is stored."""

    data: bytes
    content_type: str = ""
    content_encoding: str = ""
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)


def as_stored(result: StoredResult) -> StoredResult:
    return result


def encode_value(value: Any) -> StoredResult:
    """Raises TypeError or ValueError for what has no JSON: a set, a NaN, a cycle."""
    if isinstance(value, StoredResult):
        return value
    if isinstance(value, bytes):
        return StoredResult(value, BYTES_TYPE)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_fields)
    return StoredResult(text.encode(), JSON_TYPE)


def _fields(value: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    raise TypeError(f"a result of type {type(value).__name__} has no JSON")


def decode_value(stored: StoredResult) -> Any:
    """JSON is parsed; anything else, and what is compressed, stays the bytes that were stored.

    Raises ValueError when another client stored bytes as JSON that are none.
    """
    is_json = stored.content_type.partition(";")[0] == JSON_TYPE
    if not is_json or stored.content_encoding != "":
        return stored.data
    # Stored by a language that has results without a value.
    return None if stored.data == b"" else json.loads(stored.data)
