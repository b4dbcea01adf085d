"""The arguments of a call, for the fingerprint of a decorated function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def arguments_of(function: Callable[..., Any], *args: Any, **kwargs: Any) -> dict[str, Any]:
    """By name, defaults included. Raises TypeError as the call itself would."""
    bound = inspect.signature(function).bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)
