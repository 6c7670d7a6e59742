"""The evacuation controller: migrations for VMIs that have been marked for eviction, or whose node is being drained."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from ... import kinds
from ...defects.eviction import CORDON_MOVES, DRAIN_KEY_FIXED, DRAIN_TAINT_IGNORED, EXTERNAL_MOVED, FORGETS
from ...events import Recorder
from ...informer import Queue, run_controller
from ...kube import ApiError, Object
from . import names
from .clusterconfig import SYSTEM_CRITICAL, SYSTEM_MAINTENANCE, ClusterConfig
from .expectations import Expectations
from .migration import queueing
from .objects import (
    annotations_of,
    eviction_strategy,
    holds,
    is_deleting,
    is_final,
    is_migrating,
    status,
)
from .world import World

RETRY = 5.0
DRAIN_TAINT = "kubevirt.io/drain"
SAFETY_NET = 1.0


class EvacuationController:
    """Works node by node; the key is ("", node name)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = Queue()
        self.events = Recorder(world.kube, "evacuation-controller")
        self.made = Expectations(world.migrations)
        self.turn = asyncio.Lock()
        world.vmis.on_change(self._vmi_changed)
        world.migrations.on_change(self._migration_changed)
        world.nodes.on_change(self._node_changed)

    async def run(self) -> None:
        await run_controller("evacuation", self.queue, [], self.reconcile)

    def _vmi_changed(self, event: str, vmi: Object) -> None:
        node = status(vmi).get("nodeName")
        if node and (status(vmi).get("evacuationNodeName") or self._is_draining(node)):
            self.queue.add(("", node))

    def _migration_changed(self, event: str, migration: Object) -> None:
        vmi = self.world.vmis.get(migration["metadata"]["namespace"], migration["spec"].get("vmiName", ""))
        if vmi and (is_final(migration) or event == "DELETED"):
            self._vmi_changed(event, vmi)

    def _node_changed(self, event: str, node: Object) -> None:
        name = node["metadata"]["name"]
        if event != "DELETED" and self._is_draining(name):
            self.queue.add(("", name))

    def _is_draining(self, name: str) -> bool:
        """Whether the node bears the (old) taint that asks for an evacuation of everything on it."""
        node = self.world.nodes.get("", name)
        defects = self.world.defects
        if defects.on(DRAIN_TAINT_IGNORED):
            return False
        if defects.on(CORDON_MOVES) and (node or {}).get("spec", {}).get("unschedulable"):
            return True
        key = DRAIN_TAINT if defects.on(DRAIN_KEY_FIXED) else self.world.config().drain_taint
        taints = (node or {}).get("spec", {}).get("taints") or []
        return any(taint["key"] == key and taint["effect"] == "NoSchedule" for taint in taints)

    async def reconcile(self, _: str, node: str) -> float | None:
        async with self.turn:
            if not self.made.all_satisfied():
                return SAFETY_NET
            return await self._evacuate(node)

    async def _evacuate(self, node: str) -> float | None:
        config = self.world.config()
        found = [vmi for vmi in self._on_node(node) if self._is_candidate(vmi, config)]
        movable = [vmi for vmi in found if holds(vmi, "LiveMigratable")]
        for vmi in found:
            if vmi not in movable:
                self.events.event(vmi, "Normal", "FailedCreate", "VirtualMachineInstance is not migrateable")
        room = len(movable) if config.priority_queue else self._free_slots(node, config)
        for vmi in movable[:room]:
            await self._migrate(vmi, node, config)
        waiting = len(movable) > room or any(self._is_settling(vmi) for vmi in self._on_node(node))
        return RETRY * self.world.pace.slot_poll if waiting else None

    def _is_second(self, vmi: Object) -> bool:
        """Whether another VMI of the namespace has been evacuated from the same node."""
        metadata, node = vmi["metadata"], status(vmi)["nodeName"]
        made = self.world.migrations.items(metadata["namespace"])
        others = (item for item in made if item["spec"]["vmiName"] != metadata["name"])
        return any(annotations_of(item).get(names.EVACUATION_MIGRATION) == node for item in others)

    def _on_node(self, node: str) -> Iterable[Object]:
        """VMIs of the node that are to leave it."""
        draining = self._is_draining(node)
        for vmi in self.world.vmis.items():
            if status(vmi).get("nodeName") != node:
                continue
            if status(vmi).get("evacuationNodeName") == node or (draining and self._moves(vmi)):
                yield vmi

    def _moves(self, vmi: Object) -> bool:
        """Whether its eviction strategy wants the VMI migrated off a node that is drained."""
        strategy = eviction_strategy(vmi, self.world.config().eviction_strategy)
        return strategy == "LiveMigrate" or (strategy == "LiveMigrateIfPossible" and holds(vmi, "LiveMigratable"))

    def _is_settling(self, vmi: Object) -> bool:
        """Whether pods of an earlier migration have still to end."""
        return not is_final(vmi) and len(queueing.active(self.world.pods_of(vmi))) > 1

    def _is_candidate(self, vmi: Object, config: ClusterConfig) -> bool:
        if is_final(vmi) or is_deleting(vmi) or is_migrating(vmi):
            return False
        if self.world.defects.on(FORGETS) and self._is_second(vmi):
            return False
        external = eviction_strategy(vmi, config.eviction_strategy) == "External"
        if external and not self.world.defects.on(EXTERNAL_MOVED):
            return False
        namespace, name = vmi["metadata"]["namespace"], vmi["metadata"]["name"]
        unfinished = [item for item in self.world.migrations_of(namespace, name) if not is_final(item)]
        return not unfinished and not self._is_settling(vmi)

    def _free_slots(self, node: str, config: ClusterConfig) -> int:
        """How many more migrations the limits allow now, counting those that have not begun."""
        unfinished = [item for item in self.world.migrations.items() if not is_final(item)]
        nodes = queueing.nodes_of(self.world.vmis.items())
        outbound = [item for item in unfinished if nodes.get(queueing.vmi_key(item)) == node]
        in_cluster = config.parallel_per_cluster - len(unfinished)
        return max(min(in_cluster, config.parallel_per_node - len(outbound)), 0)

    async def _migrate(self, vmi: Object, node: str, config: ClusterConfig) -> None:
        spec: Object = {"vmiName": vmi["metadata"]["name"]}
        if config.priority_queue:
            gentle = annotations_of(vmi).get(names.EVICTION_SOURCE) == "descheduler"
            spec["priority"] = SYSTEM_MAINTENANCE if gentle else SYSTEM_CRITICAL
        metadata = {
            "generateName": "kubevirt-evacuation-",
            "namespace": vmi["metadata"]["namespace"],
            "annotations": {names.EVACUATION_MIGRATION: node},
        }
        try:
            made = await self.world.kube.create(kinds.MIGRATION, {"metadata": metadata, "spec": spec})
        except ApiError as error:
            self.events.event(vmi, "Warning", "FailedCreate", f"Error creating a Migration: {error.message}")
            raise
        self.made.wrote(("", node), made)
        text = f"Created Migration {made['metadata']['name']}"
        self.events.event(vmi, "Normal", "SuccessfulCreate", text)
