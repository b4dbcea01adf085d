"""What can go wrong with a call, a class for each reason of the API. An answer of BeginIntent is never an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ErrorFacts:
    """What an error is made of."""

    code: str
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


class OncedError(Exception):
    """Every error of a call. The subclass, or `reason`, says which."""

    def __init__(self, facts: ErrorFacts) -> None:
        super().__init__(f"{facts.reason}: {facts.message}")
        self.facts = facts

    @property
    def code(self) -> str:
        """Name of the gRPC code, such as UNAVAILABLE."""
        return self.facts.code

    @property
    def reason(self) -> str:
        """ErrorInfo.reason of the API, or one of this client's own: UNREACHABLE, DEADLINE_EXCEEDED, CLOSED, UNKNOWN."""
        return self.facts.reason

    @property
    def metadata(self) -> Mapping[str, str]:
        """Facts for programs, never keys or payloads."""
        return self.facts.metadata

    @property
    def retry_after_seconds(self) -> float | None:
        """Do not repeat the call before this time has passed."""
        return self.facts.retry_after_seconds

    @property
    def is_retryable(self) -> bool:
        """The same call, with the same attempt id or token, may succeed later. The client has already tried a few times."""
        is_pushed_back = self.code == "RESOURCE_EXHAUSTED" and self.retry_after_seconds is not None
        return self.code == "UNAVAILABLE" or is_pushed_back


class InvalidFieldError(OncedError):
    """A field is out of bounds: correct the request. Nothing was written."""

    @property
    def fields(self) -> Mapping[str, str]:
        """What is wrong, field by field."""
        return self.facts.fields


class KeyReusedError(OncedError):
    """The key stands for another request. Use a new key for a new operation."""


class LeaseLostError(OncedError):
    """Another attempt holds or has settled the key: stop the work. `metadata` has the state and attempt of now."""


class AlreadySettledError(OncedError):
    """This lease token has already settled the attempt with other content; the first stands."""


class AttemptEndedError(OncedError):
    """A late copy of a begin whose attempt has been released since. Begin again with a new attempt id."""


class IntentNotFoundError(OncedError):
    """There is no record for the key, or it has expired. For a holder: the effect is not protected."""


class NamespaceNotFoundError(OncedError):
    """The namespace does not exist, and this server makes none on first use."""


class KeyNotIssuedError(OncedError):
    """The namespace accepts only keys made by issue_keys. `metadata["cause"]` says forged, expired or namespace."""


class QuotaExceededError(OncedError):
    """A quota of the namespace is used up: repeat after `retry_after_seconds`. `metadata` has the quota and its limit."""


class OverloadedError(OncedError):
    """The server sheds load: repeat after `retry_after_seconds`. Nothing was written."""


class StoreUnavailableError(OncedError):
    """The server's store is out of reach, or did not say whether it wrote. The same call again finds its own write."""


class UnreachableError(OncedError):
    """The server, or a token for it, is out of reach, or the connection broke. Whether the call had an effect is unknown."""


class DeadlineExceededError(OncedError):
    """No answer in time. Whether the call had an effect is unknown; the same attempt id or token makes a repeat safe."""


class UnauthenticatedError(OncedError):
    """No credentials, or none that are valid."""


class PermissionDeniedError(OncedError):
    """The credentials do not allow this in this namespace."""


class UnimplementedError(OncedError):
    """The server does not have this call; see server_info().capabilities."""


class InternalError(OncedError):
    """A bug of the server. `metadata["request_id"]` is to be found in its log."""


class ClosedError(OncedError):
    """The client was closed."""


_CLASSES: Mapping[str, type[OncedError]] = {
    "INVALID_FIELD": InvalidFieldError,
    "KEY_REUSED": KeyReusedError,
    "LEASE_LOST": LeaseLostError,
    "ALREADY_SETTLED": AlreadySettledError,
    "ATTEMPT_ENDED": AttemptEndedError,
    "INTENT_NOT_FOUND": IntentNotFoundError,
    "NAMESPACE_NOT_FOUND": NamespaceNotFoundError,
    "KEY_NOT_ISSUED": KeyNotIssuedError,
    "QUOTA_EXCEEDED": QuotaExceededError,
    "OVERLOADED": OverloadedError,
    "STORE_UNAVAILABLE": StoreUnavailableError,
    "UNREACHABLE": UnreachableError,
    "DEADLINE_EXCEEDED": DeadlineExceededError,
    "UNAUTHENTICATED": UnauthenticatedError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "UNIMPLEMENTED": UnimplementedError,
    "INTERNAL": InternalError,
    "CLOSED": ClosedError,
}


def onced_error(facts: ErrorFacts) -> OncedError:
    """The error of the class that belongs to its reason; a reason that this release does not know is a plain OncedError."""
    return _CLASSES.get(facts.reason, OncedError)(facts)


def deadline_exceeded(timeout_seconds: float) -> OncedError:
    message = f"no answer in {round(timeout_seconds * 1000)} ms"
    return onced_error(ErrorFacts("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", message))


def unreachable(message: str) -> OncedError:
    return onced_error(ErrorFacts("UNAVAILABLE", "UNREACHABLE", message))


def closed() -> OncedError:
    return onced_error(ErrorFacts("CANCELLED", "CLOSED", "the client was closed"))


def invalid_field(name: str, description: str) -> OncedError:
    facts = ErrorFacts("INVALID_ARGUMENT", "INVALID_FIELD", f"{name}: {description}", fields={name: description})
    return onced_error(facts)
