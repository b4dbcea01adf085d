"""Who asks, and over what: tokens, and TLS with a certificate of the server's and one of the client's own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from onced import Client, Tls, UnauthenticatedError, UnreachableError
from onced._channel import is_loopback
from onced.v1.idempotency_pb2 import LookupRequest
from support.server import Server

ADMIN_KEY = "the-admin-key-of-the-python-tests"


class Pair(NamedTuple):
    key: Path
    certificate: Path


def make_pair(folder: Path, name: str) -> Pair:
    """A certificate that vouches for itself."""
    pair = Pair(folder / f"{name}.key", folder / f"{name}.pem")
    request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    files = ["-keyout", str(pair.key), "-out", str(pair.certificate)]
    subprocess.run(["openssl", *request, *names, *files], check=True, capture_output=True)  # noqa: S607
    return pair


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file = tmp_path_factory.mktemp("key") / "admin.key"
    file.write_text(ADMIN_KEY)
    server = Server("--admin-key-file", str(file))
    yield server
    server.stop()


def test_a_token_is_sent_with_every_call(guarded: Server, namespace: str) -> None:
    good: list[str | Callable[[], str]] = [ADMIN_KEY, lambda: ADMIN_KEY]
    for token in good:
        with Client(guarded.address, token=token) as client:
            assert client.run_once(namespace, "k", None, lambda _: 1).value == 1
    for wrong in (None, "wrong"):
        with Client(guarded.address, token=wrong) as client, pytest.raises(UnauthenticatedError) as caught:
            client.run_once(namespace, "k", None, lambda _: 1)
        assert ADMIN_KEY not in str(caught.value)


def test_a_token_that_cannot_be_had_is_asked_for_again(guarded: Server, namespace: str) -> None:
    asked: list[int] = []

    def token() -> str:
        asked.append(1)
        if len(asked) < 3:
            raise OSError("no token yet")
        return ADMIN_KEY

    with Client(guarded.address, token=token) as client:
        assert client.run_once(namespace, "k", None, lambda _: 1).value == 1


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Pair, Pair]]:
    folder = tmp_path_factory.mktemp("tls")
    own, other = make_pair(folder, "onced.test"), make_pair(folder, "other.test")
    certificate = str(own.certificate)
    principals = folder / "principals.yaml"
    principals.write_text("DNS:onced.test: [writer:test/*]\n")
    server = Server(
        *("--tls-certificate", certificate, "--tls-key", str(own.key)),
        *("--tls-client-ca", certificate, "--principals-file", str(principals)),
    )
    yield server, own, other
    server.stop()


def test_a_client_speaks_to_a_server_that_it_trusts_and_that_trusts_it_and_to_no_other(
    secured: tuple[Server, Pair, Pair], namespace: str, capfd: pytest.CaptureFixture[str]
) -> None:
    server, own, other = secured

    trusted, chain, key = own.certificate.read_bytes(), own.certificate.read_bytes(), own.key.read_bytes()
    with Client(server.address, tls=Tls(trusted, key, chain, "onced.test")) as client:
        assert client.run_once(namespace, "k", None, lambda _: 1).value == 1
    for refused in (
        Tls(other.certificate.read_bytes(), key, chain, "onced.test"),
        Tls(trusted, key, chain, "elsewhere.test"),
        Tls(trusted, server_name="onced.test"),
        False,
    ):
        with Client(server.address, tls=refused) as client, pytest.raises(UnreachableError):
            client.lookup(LookupRequest(namespace=namespace, key="k"), timeout_seconds=5)
    assert capfd.readouterr() == ("", "")


def test_plain_text_stays_on_this_machine() -> None:
    here = [
        "127.0.0.1:1",
        "localhost:1",
        "[::1]:1",
        "dns:///127.0.0.1:1",
        "dns:localhost:1",
        "unix:/run/onced",
        "127.8.9.1:1",
    ]
    elsewhere = ["onced.example:443", "10.0.0.1:50051", "dns:///onced:443", "localhost.example:1", "[2001:db8::1]:1"]
    assert [address for address in here if not is_loopback(address)] == []
    assert [address for address in elsewhere if is_loopback(address)] == []
