"""The annotation that virt-operator puts on virt-handlers for the migration network."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from seatrial.lab.controllers.kubevirt.install.migrationnetwork import NETWORKS, attach_handlers
from seatrial.lab.defects import Defects
from seatrial.lab.defects.network import STAYS
from seatrial.lab.kinds import DAEMON_SET
from seatrial.lab.kube import Kube, Object
from tests.lab.memoryapi import MemoryApi


def cr(**migrations: Any) -> Object:
    return {"spec": {"configuration": {"migrations": migrations}}}


def attached(before: str | None, wanted: Object, *defects: str) -> tuple[str | None, int]:
    """The annotation afterwards, and how often the DaemonSet was written."""

    async def story() -> tuple[str | None, int]:
        api = MemoryApi()
        annotations = {NETWORKS: before} if before else {}
        spec = {"template": {"metadata": {"annotations": annotations}, "spec": {}}}
        await api.create(DAEMON_SET, {"metadata": {"name": "virt-handler", "namespace": "kubevirt"}, "spec": spec})
        await attach_handlers(cast(Kube, api), api.all(DAEMON_SET), wanted, Defects(frozenset(defects)))
        found = api.all(DAEMON_SET)[0]["spec"]["template"]["metadata"].get("annotations") or {}
        return found.get(NETWORKS), len(api.history(DAEMON_SET)) - 1

    return asyncio.run(story())


@pytest.mark.parametrize(
    ("before", "wanted", "after", "writes"),
    [
        (None, cr(), None, 0),
        (None, {"spec": {}}, None, 0),
        (None, cr(network="net"), "net@migration0", 1),
        ("net@migration0", cr(network="net"), "net@migration0", 0),
        ("net@migration0", cr(network="other"), "other@migration0", 1),
        ("net@migration0", cr(), None, 1),
    ],
)
def test_handlers_are_attached_to_what_the_cr_names(
    before: str | None, wanted: Object, after: str | None, writes: int
) -> None:
    assert attached(before, wanted) == (after, writes)


def test_a_defect_leaves_them_attached() -> None:
    assert attached("net@migration0", cr(), STAYS) == ("net@migration0", 0)
