"""A lab that a whole run of tests shares, and a namespace of it for each test."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import tutorial
from tests.kubectl import Kubectl
from tests.labs import running_lab

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of a lab with KubeVirt."""
    with running_lab(tmp_path_factory.mktemp("lab")) as kubeconfig:
        yield kubeconfig


@pytest.fixture
def kubectl(lab: Path) -> Iterator[Kubectl]:
    """The real kubectl, working in a namespace of the test's own."""
    with _namespace(lab, f"demo-{next(_numbers)}") as kubectl:
        yield kubectl


@pytest.fixture(scope="session")
def testvm(lab: Path) -> Iterator[Kubectl]:
    """A namespace in which the guide's VM runs, for tests that leave it running: they share it."""
    with _namespace(lab, "demo") as kubectl:
        tutorial.start_vm(kubectl)
        yield kubectl


@contextmanager
def _namespace(kubeconfig: Path, name: str) -> Iterator[Kubectl]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    kubectl = Kubectl(kubeconfig, name)
    kubectl("create", "namespace", name)
    yield kubectl
    kubectl("delete", "namespace", name, "--wait=false")
