"""Where a fault strikes: a VM that migrates, both its launcher pods, and the nodes that they are on.

All of it is read from what watches have brought, so that nothing has to be asked for when the moment has come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum

from seatrial.fixtures import History
from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import POD, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.nodetools import NodeTools
from seatrial.fixtures.originals import Originals

CREATED_BY = "kubevirt.io/created-by"
JOB_UID = "kubevirt.io/migrationJobUID"
_OVER = ("Succeeded", "Failed")


class Side(StrEnum):
    """Which end of the migration is hit; BOTH for what has no side."""

    SOURCE = "source"
    TARGET = "target"
    BOTH = "both"


Strike = Callable[[], str]
"""Carries a fault out at once, and says whom it has hit. Raises Missing, Unfit, Refused, Unreachable, CommandFailed."""


class Missing(Exception):
    """What the fault was to hit is not there."""


class Unfit(Exception):
    """The cluster does not bear the fault, or has not what it takes: it was not carried out."""


@dataclass
class Scene:
    """A VM of one namespace and one migration of it (by uid; empty as long as there is none).

    `home` is the namespace of KubeVirt's own components.
    """

    api: Api
    history: History
    home: str
    namespace: str
    vm: str
    migration: str = ""
    nodes: Mapping[Side, str] = field(default_factory=dict)
    """Where the VM is, and where alone it can go; empty unless the fault is one of nodes or links."""
    tools: Mapping[Side, NodeTools] = field(default_factory=dict)
    """What reaches these nodes, where the fault needs it."""
    originals: Originals | None = None
    """By which objects are changed that are not the test's own."""
    undoing: ExitStack = field(default_factory=ExitStack)
    """Takes back what faults have done, when it is left."""

    def pod(self, side: Side) -> Object:
        """The launcher pod of a side. Raises Missing."""
        uid = self._vmi()["metadata"]["uid"]
        for pod in self.history.objects(POD.kind):
            labels = pod["metadata"].get("labels") or {}
            is_target = bool(self.migration) and labels.get(JOB_UID) == self.migration
            if labels.get(CREATED_BY) == uid and is_target is (side is Side.TARGET) and self._lives(pod, side):
                return pod
        raise Missing(f"there is no launcher pod of VM {self.vm} on the migration's {side}")

    def node(self, side: Side) -> str:
        """The node of a side's launcher pod. Raises Missing while it has none."""
        node: str = self.pod(side)["spec"].get("nodeName") or ""
        if not node:
            raise Missing(f"the {side}'s launcher pod of VM {self.vm} has no node yet")
        return node

    def _lives(self, pod: Object, side: Side) -> bool:
        """The source's pod is on the VMI's node: pods of earlier migrations are elsewhere, or have ended."""
        if (pod.get("status") or {}).get("phase") in _OVER:
            return False
        return side is Side.TARGET or pod["spec"].get("nodeName") == self._vmi()["status"].get("nodeName")

    def _vmi(self) -> Object:
        found = self.history.find(VIRTUAL_MACHINE_INSTANCE.kind, self.vm)
        if found is None:
            raise Missing(f"there is no VMI {self.vm}")
        return found
