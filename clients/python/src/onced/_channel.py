"""The gRPC channel: its options, its credentials, and a fresh one in a forked process."""

from __future__ import annotations

import ipaddress
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import grpc
from google.protobuf.message import Message

from onced import _limits as limits
from onced._status import error_of_call
from onced.errors import OncedError, closed, unreachable
from onced.options import ClientOptions, Tls
from onced.v1 import idempotency_pb2 as pb

Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True)
class Rpc(Generic[Response]):
    """One method of IdempotencyService."""

    name: str
    response: type[Response]

    @property
    def path(self) -> str:
        return f"/onced.v1.IdempotencyService/{self.name}"


BEGIN_INTENT = Rpc("BeginIntent", pb.BeginIntentResponse)
COMPLETE = Rpc("Complete", pb.CompleteResponse)
FAIL = Rpc("Fail", pb.FailResponse)
LOOKUP = Rpc("Lookup", pb.LookupResponse)
RENEW = Rpc("Renew", pb.RenewResponse)
CHECKPOINT = Rpc("Checkpoint", pb.CheckpointResponse)
ISSUE_KEYS = Rpc("IssueKeys", pb.IssueKeysResponse)
CLAIM_ORPHANS = Rpc("ClaimOrphans", pb.ClaimOrphansResponse)
GET_SERVER_INFO = Rpc("GetServerInfo", pb.GetServerInfoResponse)


class Pending(Protocol):
    """A call under way, as grpc gives it."""

    def result(self, timeout: float | None = None) -> Any: ...
    def cancel(self) -> bool: ...
    def add_done_callback(self, callback: Callable[[Any], None]) -> None: ...


class Connection:
    """A channel that is opened by the first call. Safe for use by many threads."""

    def __init__(self, options: ClientOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._process = 0
        self.is_closed = False

    def start(self, rpc: Rpc[Response], request: Message, timeout_seconds: float) -> Pending:
        """Sends a request. Raises an OncedError when that cannot be."""
        multicallable = self._open().unary_unary(
            rpc.path, request_serializer=type(request).SerializeToString, response_deserializer=rpc.response.FromString
        )
        try:
            return multicallable.future(request, timeout=timeout_seconds, metadata=self._metadata())
        except ValueError:
            raise closed() from None  # grpc's word for a channel that was closed meanwhile

    def close(self) -> None:
        with self._lock:
            self.is_closed = True
            if self._channel is not None and self._process == os.getpid():
                self._channel.close()

    def outcome(self, pending: Pending) -> Any:
        """What an ended call answered. Raises its OncedError."""
        try:
            return pending.result()
        except grpc.FutureCancelledError:
            raise (closed() if self.is_closed else unreachable("the call was cancelled")) from None
        except grpc.RpcError as error:
            raise self._typed(error) from error

    def _typed(self, error: grpc.RpcError) -> OncedError:
        if self.is_closed:
            return closed()
        assert isinstance(error, grpc.Call)
        return error_of_call(error)

    def _open(self) -> grpc.Channel:
        with self._lock:
            if self.is_closed:
                raise closed()
            # A channel does not survive a fork, which is how many web servers make their workers.
            if self._channel is None or self._process != os.getpid():
                self._channel, self._process = _open_channel(self._options), os.getpid()
            return self._channel

    def _metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        token = self._options.token
        if token is None:
            return ()
        if not isinstance(token, str):
            try:
                token = token()
            except Exception as error:
                raise unreachable(f"the token could not be had: {error}") from error
        return (("authorization", f"Bearer {token}"),)


def _open_channel(options: ClientOptions) -> grpc.Channel:
    settings: list[tuple[str, Any]] = [
        # Retries are ours: the library's own would not keep to our budget, nor to the server's delay.
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.initial_reconnect_backoff_ms", limits.RECONNECT_MS_MIN),
        # In spite of its name: how long one attempt to connect may take.
        ("grpc.min_reconnect_backoff_ms", limits.CONNECT_MS),
        ("grpc.max_reconnect_backoff_ms", limits.RECONNECT_MS_MAX),
        ("grpc.keepalive_time_ms", limits.KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", limits.KEEPALIVE_TIMEOUT_MS),
        ("grpc.max_receive_message_length", limits.RECEIVE_BYTES_MAX),
        # Each client has connections of its own, so that close() closes them.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.primary_user_agent", "onced-python"),
    ]
    tls = options.tls
    if tls is False or (tls is None and is_loopback(options.address)):
        return grpc.insecure_channel(options.address, settings)
    chosen = tls if isinstance(tls, Tls) else Tls()
    if chosen.server_name is not None:
        settings += [
            ("grpc.ssl_target_name_override", chosen.server_name),
            ("grpc.default_authority", chosen.server_name),
        ]
    credentials = grpc.ssl_channel_credentials(chosen.root_certificates, chosen.private_key, chosen.certificate_chain)
    return grpc.secure_channel(options.address, credentials, settings)


def is_loopback(address: str) -> bool:
    """Names this machine, so that plain text stays on it."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition("/")[2].removeprefix("dns:")
    if host.startswith("[") or host.count(":") == 1:
        host = host.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
