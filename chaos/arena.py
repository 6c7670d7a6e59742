"""Bringing about a moment: a VM whose migration passes through it, slowly enough for a fault to come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seatrial.fixtures import Guests, MigrationNetwork, Policies, Stage, VirtualMachines
from seatrial.fixtures.kinds import Object
from seatrial.fixtures.networkdefinition import macvlan
from seatrial.fixtures.nodetools import NodeToolbox
from seatrial.fixtures.originals import Originals
from seatrial.fixtures.vmspec import one_connection

from .ends import Victim
from .faults import MIGRATION_NETWORK, Fault
from .moments import Moment
from .scene import Scene, Side, Strike

HOSTNAME = "kubernetes.io/hostname"

BANDWIDTH, HALF, LESS = 8, 4, 1
"""MiB a second on an ordinary cluster: a small guest then migrates for some seconds, with half of it long enough for a
fault in its last quarter; with less it is not half over when its time is."""
AT_ONCE: dict[str, Any] = {"completionTimeoutPerGiB": 1}
"""A migration that may take a second for each GiB of its guest is soon switched over, or paused; 0 were no limit."""
MANNERS: dict[Moment, dict[str, Any]] = {
    Moment.POST_COPY: {"allowPostCopy": True, **AT_ONCE},
    Moment.PAUSED: {"allowWorkloadDisruption": True, "allowPostCopy": False, **AT_ONCE},
}


@dataclass(frozen=True)
class Arena:
    """One test's VMs that are going to be hit."""

    stage: Stage
    vms: VirtualMachines
    guests: Guests
    policies: Policies
    node_tools: NodeToolbox
    originals: Originals
    network: MigrationNetwork

    def begin(self, fault: Fault, side: Side, moment: Moment) -> tuple[Victim, Scene, Strike]:
        """Start a VM, prepare the fault, and start a migration that comes to the moment.

        Who is handed the scene leaves its `undoing`. Raises Unfit.
        """
        if fault.allow == MIGRATION_NETWORK and not self.network.name:
            self.network.set_up(macvlan(MIGRATION_NETWORK))
        pair = self._pair() if fault.on_nodes else ()
        vm = self.vms.create(change=_keeping_to(pair))
        before, vmi = self.guests.of(vm).state(), vm.vmi()
        self.policies.create(bandwidthPerMigration=f"{self._bandwidth(moment)}Mi", **MANNERS.get(moment, {}))
        scene = self._scene(vm.name)
        source = vmi["status"]["nodeName"]
        if pair:
            scene.nodes = {Side.SOURCE: source, Side.TARGET: next(node for node in pair if node != source)}
        if fault.by_tools:
            scene.tools = dict(zip(scene.nodes, self.node_tools.on(*scene.nodes.values()), strict=True))
        with scene.undoing:
            strike = fault.prepare(scene, side)
            migration = vm.migrate()
            scene.migration = migration.uid
            scene.undoing = scene.undoing.pop_all()
        return Victim(vm, vmi["metadata"]["uid"], source, before, migration), scene, strike

    def _scene(self, vm: str) -> Scene:
        stage = self.stage
        home = stage.cluster.install_namespace
        return Scene(stage.api, stage.history, home, stage.namespace, vm, originals=self.originals)

    def _pair(self) -> tuple[str, ...]:
        """Two nodes, others for other tests: where the source is known, so is the target."""
        nodes = self.stage.cluster.migration_nodes
        first = sum(map(ord, self.stage.namespace)) % len(nodes)
        return nodes[first], nodes[(first + 1) % len(nodes)]

    def release(self) -> None:
        """Let the VM's next migration be an ordinary one."""
        self.policies.delete_all()

    def _bandwidth(self, moment: Moment) -> int:
        usual = HALF if moment.asked_for else BANDWIDTH
        return round((LESS if moment in MANNERS else usual) / self.stage.history.scale)


def _keeping_to(nodes: tuple[str, ...]) -> Callable[[Object], None]:
    """A change of a VM's template by which it goes to these nodes only; to all, when none is named."""

    def change(spec: Object) -> None:
        one_connection(spec)
        if nodes:
            terms = [{"matchExpressions": [{"key": HOSTNAME, "operator": "In", "values": list(nodes)}]}]
            required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
            spec.setdefault("affinity", {})["nodeAffinity"] = required

    return change
