from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.opa.server import OpaServer

from mizzen.mixer.adapters.opa import OpaAdapter
from mizzen.mixer.adapters.testing import AdapterBench

Handlers = Callable[..., OpaAdapter]
Servers = Callable[..., OpaServer]


@pytest.fixture
def bench() -> AdapterBench:
    return AdapterBench()


@pytest.fixture
def handlers(bench: AdapterBench) -> Iterator[Handlers]:
    """Builds handlers that are closed at the end."""
    made: list[OpaAdapter] = []

    def build(place: str = "", **params: Any) -> OpaAdapter:
        where = {"server_url": place} if place else {}
        made.append(bench.build(OpaAdapter, {"check_method": "data.mixerauthz.allow", **where, **params}))
        return made[-1]

    yield build
    for handler in made:
        handler.close()


@pytest.fixture(scope="session")
def shared_opa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpaServer]:
    server = OpaServer(tmp_path_factory.mktemp("opa"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def opa(shared_opa: OpaServer) -> Iterator[OpaServer]:
    """A running server without modules."""
    yield shared_opa
    shared_opa.clear()


@pytest.fixture
def opa_servers(tmp_path: Path) -> Iterator[Servers]:
    """Servers of a test's own, not started."""
    made: list[OpaServer] = []

    def make(arguments: Sequence[str] = (), tls: ssl.SSLContext | None = None) -> OpaServer:
        made.append(OpaServer(tmp_path, arguments, tls))
        return made[-1]

    yield make
    for server in made:
        server.close()
