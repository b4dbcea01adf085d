"""The HTTP adapters over real sockets, the same for each."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import pytest

from onced.asgi import HttpOptions
from support.http import LARGE, SITES, Reply, Site, fastapi_site
from support.proxy import Proxy
from support.server import Server


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest, server: Server, namespace: str) -> Iterator[Site]:
    with SITES[request.param](server.address, namespace, HttpOptions()) as running:
        yield running


def test_a_repeat_is_answered_with_the_first_response(site: Site) -> None:
    first = site.send("/charges?live=1", '"8e03978e"', b'{"amount":10}')
    again = site.send("/charges?live=1", "8e03978e", b'{ "amount": 1e1 }')
    assert (first.status, again.status, first.body) == (201, 201, again.body)
    assert sum(site.effects.counts.values()) == 1
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    for name in ("content-type", "location", "content-length"):
        assert first.headers[name] == again.headers[name]
    assert ("set-cookie" in first.headers, "set-cookie" in again.headers) == (True, False)
    for reply in (first, again):
        assert parsedate_to_datetime(reply.headers["idempotency-expires"]).timestamp() - time.time() > 23 * 3600


def test_missing_and_malformed_keys_are_refused(site: Site) -> None:
    assert site.send("/charges", None).problem() == (400, "key-missing")
    for key in ('""', '"a', 'a"b', "a b", "a,b", '"a";v=1', "k" * 256):
        assert site.send("/charges", key).problem() == (400, "key-malformed")
    assert site.effects.counts.total() == 0
    assert site.send("/charges", None, b"", method="GET").status == 201


def test_a_repeat_in_flight_gets_409_and_when_to_come_back(site: Site) -> None:
    with ThreadPoolExecutor(1) as callers:
        first = callers.submit(site.send, "/slow", "k")
        assert site.effects.started.wait(30)
        again = site.send("/slow", "k")
        site.effects.may_end.set()
        assert again.problem() == (409, "in-progress")
        assert int(again.headers["retry-after"]) >= 1
        assert first.result().body == site.send("/slow", "k").body
    assert site.effects.counts["slow"] == 1


def test_another_request_under_the_same_key_gets_422_and_another_tenant_does_not(site: Site) -> None:
    site.send("/charges", "k", b'{"amount":10}')
    assert site.send("/charges", "k", b'{"amount":12}').problem() == (422, "key-reused")
    assert site.send("/charges", "k", b'{"amount":10}', method="PATCH").problem() == (422, "key-reused")
    assert site.send("/charges?a=1", "k", b'{"amount":10}').problem() == (422, "key-reused")
    assert site.send("/charges", "k", b'{"amount":12}', tenant="other").status == 201
    assert site.send("/charges", "k", b'{"amount":10}', tenant="").problem() == (401, "unauthenticated")


def test_a_status_says_what_it_means_for_the_key(site: Site) -> None:
    for status, runs in {400: 1, 404: 1, 401: 2, 409: 2, 429: 2, 503: 2, 500: 1, 504: 1}.items():
        first, again = (site.send(f"/status/{status}", f"k-{status}") for _ in range(2))
        assert (first.status, site.effects.counts[str(status)]) == (status, runs)
        if status in (500, 504):
            assert again.problem() == (409, "outcome-unknown")
        else:
            assert (again.status, again.body) == (status, b"as asked")


@pytest.mark.parametrize("kind", SITES)
def test_which_statuses_are_stored_is_a_policy(kind: str, server: Server, namespace: str) -> None:
    options = HttpOptions(verdict=lambda status: "release" if status == 404 else "store")
    with SITES[kind](server.address, namespace, options) as site:
        for status in (404, 500):
            assert [site.send(f"/status/{status}", f"k-{status}").status for _ in range(2)] == [status, status]
        assert site.effects.counts == {"404": 2, "500": 1}


def test_a_caller_who_hangs_up_cancels_nothing(site: Site) -> None:
    host, port = site.address.split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = "POST /slow HTTP/1.1\r\nHost: 127.0.0.1\r\nTenant: acme\r\nIdempotency-Key: k\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        assert site.effects.started.wait(30)
    threading.Timer(0.3, site.effects.may_end.set).start()
    end = time.monotonic() + 30
    while (reply := site.send("/slow", "k")).status == 409 and time.monotonic() < end:
        time.sleep(0.05)
    assert (reply.status, reply.headers["idempotency-replayed"]) == (200, "true")
    assert site.effects.counts["slow"] == 1


def test_a_response_over_the_limit_reaches_its_caller_and_is_not_kept(site: Site) -> None:
    first = site.send("/large", "k")
    assert (first.status, first.body) == (200, LARGE)
    assert site.send("/large", "k").problem() == (410, "response-not-kept")
    assert site.effects.counts["large"] == 1


def test_a_request_over_the_limit_is_refused(site: Site) -> None:
    assert site.send("/charges", "k", b'"' + b"x" * 2**20 + b'"').problem() == (413, "too-large")
    assert site.effects.counts.total() == 0


def test_a_handler_that_raises_holds_the_key(site: Site) -> None:
    assert site.send("/broken", "k").status == 500
    assert site.send("/broken", "k").problem() == (409, "outcome-unknown")


@pytest.mark.parametrize("kind", SITES)
def test_an_outage_is_temporary_and_runs_nothing(kind: str, proxy: Proxy, namespace: str) -> None:
    proxy.refuse(True)
    options = HttpOptions(run={"begin_timeout_seconds": 0.5})
    with SITES[kind](proxy.address, namespace, options) as site:
        reply: Reply = site.send("/charges", "k")
        assert reply.problem() == (503, "unavailable")
        assert int(reply.headers["retry-after"]) >= 1
        assert site.effects.counts.total() == 0


def test_what_an_application_does_after_its_response_is_not_waited_for(server: Server, namespace: str) -> None:
    with fastapi_site(server.address, namespace, HttpOptions()) as site:
        assert site.send("/later", "k").status == 202
        assert not site.effects.afterwards.is_set()
        assert site.send("/later", "k").headers["idempotency-replayed"] == "true"
        site.effects.may_end.set()
        assert site.effects.afterwards.wait(30)


REQUESTS, SENDINGS, CALLERS = 1000, 6, 8
# Of each reply itself, and what is not on the allow-list.
OWN_HEADERS = frozenset({"date", "server", "connection", "idempotency-replayed", "set-cookie"})


def test_a_thousand_requests_sent_six_times_over_a_lossy_network_take_effect_once(site: Site) -> None:
    lost: list[str] = []
    with Proxy(site.address) as proxy:
        proxy.lose_replies = 0.3

        def send_all(number: int) -> None:
            seen: set[str] = set()
            for _ in range(SENDINGS):
                try:
                    reply = site.send("/charges", f"key-{number}", b'{"order":%d}' % number, address=proxy.address)
                except (OSError, http.client.HTTPException):
                    lost.append("")
                    continue
                assert reply.status == 201, reply
                headers = sorted(pair for pair in reply.headers.items() if pair[0] not in OWN_HEADERS)
                seen.add(f"{headers} {reply.body!r}")
            assert len(seen) <= 1

        with ThreadPoolExecutor(CALLERS) as callers:
            list(callers.map(send_all, range(REQUESTS)))
    assert len(lost) > 0.25 * REQUESTS * SENDINGS
    assert set(site.effects.counts.values()) == {1}
    assert len(site.effects.counts) == REQUESTS
