"""One API server for all tests of a worker, and a namespace for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from seatrial.lab import kinds
from seatrial.lab.kube import Kube
from tests.lab.apiserver.server import RunningServer, running_server

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def namespace(server: RunningServer) -> str:
    name = f"test-{next(_NUMBERS)}"

    async def create(kube: Kube) -> None:
        await kube.create(kinds.NAMESPACE, {"metadata": {"name": name}})

    server.speak(create)
    return name
