"""The lab as the official client sees it: namespaces and a running VM, made without kubectl."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.clients.official import KUBEVIRT, client, config, until
from tests.tutorial import manifest

_numbers = itertools.count(1)


@pytest.fixture
def leaky() -> Iterator[None]:
    """For clients that leave connections to the garbage collector: it comes while its complaints are ignored."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def api(lab: Path) -> Iterator[Any]:
    """The official client, configured by the lab's kubeconfig."""
    with config.new_client_from_config(str(lab)) as api:
        yield api


@pytest.fixture
def namespace(api: Any) -> Iterator[str]:
    """A namespace of the test's own."""
    yield from _namespace(api, f"client-{next(_numbers)}")


@pytest.fixture(scope="session")
def shared(api: Any) -> Iterator[str]:
    """The namespace of the guide's VM, running, for tests that leave it running: they share it."""
    for name in _namespace(api, "client"):
        vm = yaml.safe_load(manifest("vm", ("running: false", "running: true")))
        client.CustomObjectsApi(api).create_namespaced_custom_object(*KUBEVIRT, name, "virtualmachines", vm)
        until(api, name, "virtualmachineinstances", _is_ready)
        yield name


def _namespace(api: Any, name: str) -> Iterator[str]:
    core = client.CoreV1Api(api)
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


def _is_ready(vmi: Any) -> bool:
    """Ready, and judged to be migratable."""
    conditions = vmi.get("status", {}).get("conditions", [])
    return {"Ready", "LiveMigratable"} <= {item["type"] for item in conditions if item["status"] == "True"}
