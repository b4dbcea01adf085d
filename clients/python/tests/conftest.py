"""One server for all tests; each makes its own namespace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from onced import Client
from support.proxy import Proxy
from support.server import Server, make_namespace


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(server.address) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.address) as made:
        yield made


@pytest.fixture
def namespace() -> str:
    return make_namespace()
