"""Why a request has no fingerprint. The reasons are shared by all clients: see clients/vectors/README.md."""

from __future__ import annotations

from typing import Literal

Refusal = Literal[
    "NOT_JSON",
    "DUPLICATE_MEMBER",
    "NUMBER_OUT_OF_RANGE",
    "LONE_SURROGATE",
    "TOO_DEEP",
    "INVALID_EXCLUDE",
    "INVALID_KEY",
    "UNSUPPORTED_TYPE",
]


class FingerprintError(ValueError):
    """The request, an exclude pointer or a key to derive from is refused. Nothing was sent."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason
