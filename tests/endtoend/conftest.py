"""One lab started elsewhere, for all tests here that want a cluster to point at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.fixtures.api import Api
from seatrial.fixtures.preflight import connect
from tests.labs import running_lab


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with running_lab(tmp_path_factory.mktemp("lab")) as path:
        yield path


@pytest.fixture(scope="session")
def api(kubeconfig: Path) -> Api:
    return connect(str(kubeconfig), None)
