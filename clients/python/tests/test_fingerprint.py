"""Every case of clients/vectors/fingerprints.json, and what only values of this language can be."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from onced import (
    FingerprintError,
    canonical_json,
    derive_key,
    fingerprint_bytes,
    fingerprint_json,
    fingerprint_json_text,
)

VECTORS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "fingerprints.json").read_text("utf-8")
)


def test_json_has_the_fingerprint_that_it_has_in_every_language() -> None:
    assert len(VECTORS["json"]) > 100
    for case in VECTORS["json"]:
        text = bytes.fromhex(case["json_hex"]) if "json_hex" in case else case["json"]
        exclude = case.get("exclude", [])
        if "refused" in case:
            with pytest.raises(FingerprintError) as caught:
                fingerprint_json_text(text, exclude=exclude)
            assert caught.value.reason == case["refused"], case["name"]
            continue
        assert fingerprint_json_text(text, exclude=exclude).digest.hex() == case["digest"], case["name"]
        assert canonical_json(json.loads(text), exclude=exclude) == case["canonical"], case["name"]


def test_bytes_have_the_fingerprint_that_they_have_in_every_language() -> None:
    for case in VECTORS["bytes"]:
        made = fingerprint_bytes(bytes.fromhex(case["hex"]))
        assert (made.scheme, made.digest.hex()) == ("sha256-v1", case["digest"])


def test_derived_keys_are_those_of_every_language() -> None:
    for case in VECTORS["keys"]:
        if "refused" in case:
            with pytest.raises(FingerprintError) as caught:
                derive_key(case["key"], case["step"])
            assert caught.value.reason == case["refused"], case["name"]
        else:
            assert derive_key(case["key"], case["step"]) == case["derived"]


def test_a_dataclass_has_the_fingerprint_of_its_fields() -> None:
    @dataclass
    class Order:
        order: str
        lines: tuple[int, ...]

    as_text = fingerprint_json_text('{"lines":[1,2],"order":"a"}')
    assert fingerprint_json(Order("a", (1, 2))) == as_text


@pytest.mark.parametrize("value", [date(2026, 1, 1), {1: 2}, b"bytes", {1, 2}, object(), [lambda: 1]])
def test_what_has_no_json_is_refused(value: object) -> None:
    with pytest.raises(FingerprintError) as caught:
        fingerprint_json({"at": value})
    assert caught.value.reason == "UNSUPPORTED_TYPE"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, -(2**53), 10**400])
def test_numbers_that_other_languages_cannot_hold_are_refused(value: object) -> None:
    with pytest.raises(FingerprintError) as caught:
        fingerprint_json([value])
    assert caught.value.reason == "NUMBER_OUT_OF_RANGE"


def test_hostile_depth_is_refused_as_such() -> None:
    with pytest.raises(FingerprintError) as caught:
        fingerprint_json_text("[" * 200_000 + "]" * 200_000)
    assert caught.value.reason == "TOO_DEEP"
