"""Every HTTP case of clients/vectors/adapters.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from onced import StoredResult
from onced._http.key import MalformedKeyError, read_key
from onced._http.options import REPLAYED_HEADERS
from onced._http.request import request_fingerprint
from onced._http.response import STORED_TYPE, Response, restored

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "adapters.json").read_text("utf-8")
)


def test_keys_are_read_as_in_every_language() -> None:
    for case in VECTORS["http_keys"]:
        if case.get("malformed"):
            with pytest.raises(MalformedKeyError):
                read_key(case["headers"])
        else:
            assert read_key(case["headers"]) == case["key"], case["name"]
    assert read_key([]) is None


def test_request_fingerprints_are_those_of_every_language() -> None:
    for case in VECTORS["http_requests"]:
        body = bytes.fromhex(case["body_hex"]) if "body_hex" in case else case["body"].encode()
        made = request_fingerprint(case["method"], case["target"], case["content_type"], body, case.get("exclude", ()))
        assert (made.scheme, made.digest.hex()) == (case["scheme"], case["digest"]), case["name"]


def test_responses_are_stored_as_in_every_language() -> None:
    for case in VECTORS["http_responses"]:
        response = Response(case["status"], [tuple(header) for header in case["headers"]], case["body"].encode())
        stored = response.stored(REPLAYED_HEADERS)
        assert stored.data.decode() == case["stored"], case["name"]
        read = restored(StoredResult(case["stored"].encode(), STORED_TYPE))
        assert (read.status, read.body.decode()) == (case["status"], case["body"])
        kept = [(name.lower(), value) for name, value in response.headers if name.lower() in REPLAYED_HEADERS]
        assert sorted(read.headers) == sorted(kept)
