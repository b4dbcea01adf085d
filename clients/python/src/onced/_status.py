"""From a gRPC error to a typed one: the reason in ErrorInfo decides, the gRPC code only where there is none."""

from __future__ import annotations

from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from onced.errors import ErrorFacts, OncedError, onced_error

_DOMAIN = "onced.v1"

# Without an ErrorInfo the server itself did not answer: a proxy, the network or gRPC did. A reset stream or a GOAWAY comes
# as one of the first four, and means no more than that the connection broke.
_REASONS = {
    "UNAVAILABLE": "UNREACHABLE",
    "CANCELLED": "UNREACHABLE",
    "INTERNAL": "UNREACHABLE",
    "UNKNOWN": "UNREACHABLE",
    "DEADLINE_EXCEEDED": "DEADLINE_EXCEEDED",
    "UNAUTHENTICATED": "UNAUTHENTICATED",
    "PERMISSION_DENIED": "PERMISSION_DENIED",
    "UNIMPLEMENTED": "UNIMPLEMENTED",
}


def error_of_call(call: grpc.Call) -> OncedError:
    """The error that a call ended with."""
    code: str = call.code().name
    metadata: dict[str, str] = {}
    fields: dict[str, str] = {}
    reason, retry_after = "", None
    for detail in _details(call):
        if detail.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo()
            detail.Unpack(info)
            if info.domain == _DOMAIN:
                reason, metadata = info.reason, dict(info.metadata)
        elif detail.Is(RetryInfo.DESCRIPTOR):
            retry = RetryInfo()
            detail.Unpack(retry)
            retry_after = retry.retry_delay.ToTimedelta().total_seconds()
        elif detail.Is(BadRequest.DESCRIPTOR):
            request = BadRequest()
            detail.Unpack(request)
            fields = {violation.field: violation.description for violation in request.field_violations}
    if reason == "":
        reason = _REASONS.get(code, "UNKNOWN")
        # So that all that broke on the way may be repeated, and nothing else.
        code = "UNAVAILABLE" if reason == "UNREACHABLE" else code
    return onced_error(ErrorFacts(code, reason, call.details() or "", metadata, retry_after, fields))


def _details(call: grpc.Call) -> list[Any]:
    for name, value in call.trailing_metadata() or ():
        if name == "grpc-status-details-bin" and isinstance(value, bytes):
            try:
                return list(Status.FromString(value).details)
            except DecodeError:
                # Not ours: something between us and the server answered. The code still stands.
                return []
    return []
