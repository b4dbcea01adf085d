"""RFC 8785 canonical JSON, with the exclude list of fingerprints."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onced._refusal import FingerprintError

DEPTH_MAX = 128
"""Arrays and objects within one another. Deeper input is hostile or a cycle, and some languages would overflow their stack."""
INTEGER_MAX = 2**53 - 1

# Segments still to match; the one that is matched last is left out of the fingerprint.
Exclude = tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Place:
    exclude: Sequence[Exclude]
    path: str
    depth: int


def canonical_json(value: Any, *, exclude: Sequence[str] = ()) -> str:
    """The canonical text that is hashed. Raises FingerprintError as fingerprint_json does."""
    return _write(value, _Place([_parse_exclude(pointer) for pointer in exclude], "", 0))


def _write(value: Any, place: _Place) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _write_text(value, place)
    if isinstance(value, (int, float)):
        return _write_number(value, place)
    if place.depth >= DEPTH_MAX:
        raise FingerprintError("TOO_DEEP", f"more than {DEPTH_MAX} arrays and objects within one another")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return "{" + ",".join(_write_members(value, place)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_write_items(value, place)) + "]"
    raise _unsupported(value, place)


def _write_items(values: Sequence[Any], place: _Place) -> Iterator[str]:
    for index, item in enumerate(values):
        below = _step(place, str(index))
        if below is not None:
            yield _write(item, below)


def _write_members(value: Mapping[Any, Any], place: _Place) -> Iterator[str]:
    for name in value:
        if not isinstance(name, str):
            raise FingerprintError(
                "UNSUPPORTED_TYPE", f'a member of "{place.path}" has a name that is no text: {name!r}'
            )
    # RFC 8785 orders by UTF-16 code units, which big-endian bytes sort alike.
    for name in sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass")):
        below = _step(place, name)
        if below is not None:
            yield f"{_write_text(name, below)}:{_write(value[name], below)}"


def _write_text(value: str, place: _Place) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise FingerprintError("LONE_SURROGATE", f'text at "{place.path}" holds half of a surrogate pair') from None
    return json.dumps(value, ensure_ascii=False)


def _write_number(value: int | float, place: _Place) -> str:
    if not abs(value) <= INTEGER_MAX:
        what = f'the number at "{place.path}" is not of magnitude up to 2^53 - 1, which every language reads alike'
        raise FingerprintError("NUMBER_OUT_OF_RANGE", f"{what}: send it as a string")
    return ecmascript_number(float(value))


def ecmascript_number(value: float) -> str:
    """As ECMAScript writes a double below 2^53; RFC 8785 asks for that. repr() finds the same shortest digits."""
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0").rstrip("0")
    if digits == "":
        return "0"
    # The value is 0.DIGITS times ten to the power of `point`.
    leading_zeros = len(whole + fraction) - len((whole + fraction).lstrip("0"))
    point = len(whole) - leading_zeros + int(exponent or 0)
    if point > 0:
        return sign + digits[:point].ljust(point, "0") + (f".{digits[point:]}" if len(digits) > point else "")
    if point > -6:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}e{point - 1}"


def _step(place: _Place, segment: str) -> _Place | None:
    """The place of a member or element; None when it is excluded."""
    exclude = [rest[1:] for rest in place.exclude if rest[0] in (segment, "*")]
    if () in exclude:
        return None
    return _Place(exclude, f"{place.path}/{segment}", place.depth + 1)


def _parse_exclude(pointer: str) -> Exclude:
    if not pointer.startswith("/") or re.search("~(?![01])", pointer):
        form = 'a JSON pointer: "/" before each segment, "~0" for "~" and "~1" for "/"'
        raise FingerprintError("INVALID_EXCLUDE", f'exclude "{pointer}" is not {form}')
    return tuple(segment.replace("~1", "/").replace("~0", "~") for segment in pointer[1:].split("/"))


def _unsupported(value: Any, place: _Place) -> FingerprintError:
    kind = type(value).__name__
    message = f'{kind} at "{place.path}" has no JSON; use a str, number, list or dict'
    return FingerprintError("UNSUPPORTED_TYPE", message)
