"""Who is told to come back later comes back then, and what no repeat would change is sent once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from onced import Client, LogEntry, OncedError
from onced.v1.idempotency_pb2 import BeginIntentRequest, BeginIntentResponse, CompleteRequest, CompleteResponse
from support.blocking import CLIENTS
from support.server import Server

PUSHBACK_SECONDS = 0.3


class Refusal(NamedTuple):
    code: grpc.StatusCode
    reason: str
    delay_seconds: float | None = None

    def details(self) -> bytes:
        details: list[Message] = [ErrorInfo(reason=self.reason, domain="onced.v1")]
        if self.delay_seconds is not None:
            retry = RetryInfo()
            retry.retry_delay.FromTimedelta(timedelta(seconds=self.delay_seconds))
            details.append(retry)
        status = Status(code=self.code.value[0], message="as asked")
        for detail in details:
            packed = AnyMessage()
            packed.Pack(detail)
            status.details.append(packed)
        packed_status: bytes = status.SerializeToString()
        return packed_status


class Front:
    """A server in front of the real one, which refuses the first begins."""

    def __init__(self, real: grpc.Channel, refusals: list[Refusal]) -> None:
        self._real = real
        self._refusals = refusals
        self.address = ""
        self.begun_at: list[float] = []
        self.attempt_ids: list[str] = []

    def begin(self, request: BeginIntentRequest, context: grpc.ServicerContext) -> BeginIntentResponse:
        self.begun_at.append(time.monotonic())
        self.attempt_ids.append(request.attempt_id)
        if self._refusals:
            refusal = self._refusals.pop(0)
            context.set_trailing_metadata((("grpc-status-details-bin", refusal.details()),))
            context.abort(refusal.code, "as asked")
        ask: Callable[..., BeginIntentResponse] = self._real.unary_unary(
            "/onced.v1.IdempotencyService/BeginIntent",
            BeginIntentRequest.SerializeToString,
            BeginIntentResponse.FromString,
        )
        return ask(request)

    def complete(self, request: CompleteRequest, context: grpc.ServicerContext) -> CompleteResponse:
        ask: Callable[..., CompleteResponse] = self._real.unary_unary(
            "/onced.v1.IdempotencyService/Complete", CompleteRequest.SerializeToString, CompleteResponse.FromString
        )
        return ask(request)


@contextmanager
def front_of(server: Server, *refusals: Refusal) -> Iterator[Front]:
    with grpc.insecure_channel(server.address) as real:
        front = Front(real, list(refusals))
        running = grpc.server(futures.ThreadPoolExecutor(4))
        methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
            "BeginIntent": grpc.unary_unary_rpc_method_handler(
                front.begin, BeginIntentRequest.FromString, BeginIntentResponse.SerializeToString
            ),
            "Complete": grpc.unary_unary_rpc_method_handler(
                front.complete, CompleteRequest.FromString, CompleteResponse.SerializeToString
            ),
        }
        running.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("onced.v1.IdempotencyService", methods),)
        )
        front.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
        running.start()
        yield front
        running.stop(0).wait()


@pytest.mark.parametrize("kind", CLIENTS)
def test_a_shed_begin_is_repeated_after_its_delay_with_the_same_attempt(
    kind: str, server: Server, namespace: str
) -> None:
    shed = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", PUSHBACK_SECONDS)
    with front_of(server, shed) as front:
        result = CLIENTS[kind](front.address).run_once(namespace, "k", None, lambda _: 1, {})
    assert result.value == 1
    first, second = front.begun_at
    assert second - first >= PUSHBACK_SECONDS
    assert front.attempt_ids[0] == front.attempt_ids[1] != ""


def test_a_repeat_is_said_to_the_log_without_its_key(server: Server, namespace: str) -> None:
    entries: list[LogEntry] = []
    shed = Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", PUSHBACK_SECONDS)
    with front_of(server, shed) as front, Client(front.address, on_log=entries.append) as client:
        client.run_once(namespace, "a-secret-key", None, lambda _: 1)
    assert [entry.message for entry in entries] == ["a begin was not answered: repeating it"]
    assert "a-secret-key" not in str(entries)


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED"),
        Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", 3600),
        Refusal(grpc.StatusCode.FAILED_PRECONDITION, "KEY_REUSED", PUSHBACK_SECONDS),
        Refusal(grpc.StatusCode.ABORTED, "LEASE_LOST"),
        Refusal(grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_DENIED"),
        Refusal(grpc.StatusCode.INTERNAL, "INTERNAL"),
    ],
    ids=lambda refusal: f"{refusal.reason} {refusal.delay_seconds}",
)
def test_what_no_repeat_would_change_is_sent_once(refusal: Refusal, server: Server, namespace: str) -> None:
    with front_of(server, *[refusal] * 9) as front, Client(front.address) as client:
        with pytest.raises(OncedError) as caught:
            client.begin(BeginIntentRequest(namespace=namespace, key="k"))
        assert caught.value.reason == refusal.reason
        assert len(front.begun_at) == 1
