"""The key in the header: a string of RFC 9651 ("8e03978e"), as the draft has it, or the same without quotes, as most clients
send it: both are the same key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

KEY_RULE = "an idempotency key is one value of 1 to 255 visible ASCII characters, in double quotes or without any"
_LENGTH_MAX = 255
# Nothing but a quote and a backslash may be escaped.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"', re.ASCII)
_BARE = re.compile(r"[!#-+\--\[\]-~]+", re.ASCII)


class MalformedKeyError(ValueError):
    """There is a key, and it is none."""


def read_key(values: Sequence[str]) -> str | None:
    """None when there is none. Raises MalformedKeyError."""
    if len(values) == 0:
        return None
    value = values[0].strip(" \t")
    quoted = _QUOTED.fullmatch(value)
    key = re.sub(r"\\(.)", r"\1", quoted[1]) if quoted else value
    is_good = quoted is not None or _BARE.fullmatch(value) is not None
    if len(values) > 1 or not is_good or key.strip() == "" or len(key) > _LENGTH_MAX:
        raise MalformedKeyError(KEY_RULE)
    return key
