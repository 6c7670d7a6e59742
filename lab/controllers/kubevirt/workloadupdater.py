"""The workload updater: finds VMIs whose launcher is not of the present image, counts them, and moves or ends them.

Source: pkg/virt-controller/watch/workload-updater at v1.3.1 to v1.9.0. There it looks at most each five seconds; what
is left is looked at again without delay.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ... import kinds
from ...defects.eviction import OUTDATED_STAY, OUTDATED_UNCOUNTED, UPDATE_IN_ONE_BATCH
from ...events import Recorder
from ...informer import Queue, key_of, run_controller
from ...kube import ApiError, Object
from . import names
from .clusterconfig import SYSTEM_CRITICAL
from .expectations import Expectations
from .migration import queueing
from .objects import (
    annotations_of,
    condition,
    current_pod,
    holds,
    is_deleting,
    is_final,
    is_migrating,
    migration_state,
    phase,
    status,
)
from .world import World

THROTTLE = 5.0
BATCH_SIZE, BATCH_INTERVAL = 10, 60.0
SAFETY_NET = 1.0
COUNT = "outdatedVirtualMachineInstanceWorkloads"
USER_TRIGGERED = "user-triggered"
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}


@dataclass
class _Work:
    """What there is to do."""

    outdated: int = 0
    movable: list[Object] = field(default_factory=list)
    endable: list[Object] = field(default_factory=list)
    settled: list[Object] = field(default_factory=list)
    """Those whose migration for an update is no longer called for."""


class WorkloadUpdater:
    """Works on the KubeVirt object."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = Queue()
        self.events = Recorder(world.kube, "workload-update-controller")
        self.made = Expectations(world.migrations)
        self.counted = Expectations(world.kubevirts)
        self._last_batch = float("-inf")
        world.kubevirts.on_change(lambda event, kubevirt: self._later())
        world.migrations.on_change(lambda event, migration: self._later())
        world.vmis.on_change(self._vmi_changed)

    async def run(self) -> None:
        await run_controller("workload-update", self.queue, [], self.reconcile, workers=1)

    def _later(self) -> None:
        for kubevirt in self.world.kubevirts.items():
            self.queue.add_after(key_of(kubevirt), THROTTLE * self.world.pace.slot_poll)

    def _vmi_changed(self, event: str, vmi: Object) -> None:
        if not is_final(vmi) and _has_changed(vmi) and not is_migrating(vmi):
            self._later()

    async def reconcile(self, namespace: str, name: str) -> float | None:
        kubevirt = self.world.kubevirts.get(namespace, name)
        if kubevirt is None or phase(kubevirt) != "Deployed":
            return None
        if not self.made.all_satisfied() or not self.counted.all_satisfied():
            return SAFETY_NET
        strategy = kubevirt["spec"].get("workloadUpdateStrategy") or {}
        work = self._work(strategy.get("workloadUpdateMethods") or ())
        await self._count(kubevirt, work.outdated)
        for vmi in work.movable[: self._room()]:
            await self._migrate(vmi, (namespace, name))
        for vmi in self._batch(work.endable, strategy):
            await self._evict(vmi)
        for vmi in work.settled:
            await self._abort(vmi)
        left = work.movable or work.endable or work.settled
        return THROTTLE * self.world.pace.slot_poll if left else None

    def _work(self, methods: Iterable[str]) -> _Work:
        work = _Work()
        for vmi in self.world.vmis.items():
            if phase(vmi) != "Running" or is_deleting(vmi):
                continue
            under_way = self._under_way(vmi)
            outdated = self._is_outdated(vmi)
            if not outdated and _is_settled(vmi, under_way):
                work.settled.append(vmi)
            elif outdated or (_has_changed(vmi) and not is_migrating(vmi)):
                work.outdated += 1
                if not is_migrating(vmi) and not under_way:
                    self._sort(vmi, methods, work)
        return work

    def _sort(self, vmi: Object, methods: Iterable[str], work: _Work) -> None:
        if self.world.defects.on(OUTDATED_STAY):
            return
        if "LiveMigrate" in methods and holds(vmi, "LiveMigratable"):
            work.movable.append(vmi)
        elif "Evict" in methods:
            work.endable.append(vmi)

    def _is_outdated(self, vmi: Object) -> bool:
        image = status(vmi).get("launcherContainerImageVersion")
        return bool(image) and image != self.world.config().launcher_image

    def _under_way(self, vmi: Object) -> list[Object]:
        return [item for item in self.world.migrations_of(*key_of(vmi)) if not is_final(item)]

    def _room(self) -> int:
        """How many more migrations the cluster's limit allows; those that wait are not counted."""
        running = [item for item in self.world.migrations.items() if queueing.is_running(item)]
        return max(self.world.config().parallel_per_cluster - len(running), 0)

    async def _count(self, kubevirt: Object, outdated: int) -> None:
        """Say in the KubeVirt object how many there are."""
        if status(kubevirt).get(COUNT) == outdated or self.world.defects.on(OUTDATED_UNCOUNTED):
            return
        namespace, name = key_of(kubevirt)
        change = {"status": {COUNT: outdated}}
        made = await self.world.kube.patch(kinds.KUBEVIRT, name, change, namespace, style="merge", subresource="status")
        self.counted.wrote((namespace, name), made)

    async def _migrate(self, vmi: Object, key: tuple[str, str]) -> None:
        spec: Object = {"vmiName": vmi["metadata"]["name"]}
        if self.world.config().priority_queue:
            spec["priority"] = USER_TRIGGERED if _has_changed(vmi) else SYSTEM_CRITICAL
        metadata = {
            "generateName": "kubevirt-workload-update-",
            "namespace": vmi["metadata"]["namespace"],
            "annotations": {names.WORKLOAD_UPDATE_MIGRATION: ""},
        }
        about = "for automated workload update"
        try:
            made = await self.world.kube.create(kinds.MIGRATION, {"metadata": metadata, "spec": spec})
        except ApiError as error:
            text = f"Error creating a Migration {about}: {error.message}"
            self.events.event(vmi, "Warning", "FailedCreate", text)
            raise
        self.made.wrote(key, made)
        self.events.event(vmi, "Normal", "SuccessfulCreate", f"Created Migration {made['metadata']['name']} {about}")

    def _batch(self, endable: list[Object], strategy: dict[str, Any]) -> list[Object]:
        """The VMIs to be ended now: so many in each interval."""
        if self.world.defects.on(UPDATE_IN_ONE_BATCH):
            return endable
        interval = seconds(strategy.get("batchEvictionInterval"), BATCH_INTERVAL)
        now = time.monotonic()
        if not endable or now <= self._last_batch + interval:
            return []
        self._last_batch = now
        return endable[: int(strategy.get("batchEvictionSize", BATCH_SIZE))]

    async def _evict(self, vmi: Object) -> None:
        pod = current_pod(vmi, self.world.pods_of(vmi))
        if pod is None:
            return
        metadata = {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": {}}
        path = kinds.POD.path(metadata["namespace"], metadata["name"], "eviction")
        try:
            await self.world.kube.request("POST", path, body)
        except ApiError as error:
            text = f"Error deleting VMI during automated workload update: {error.message}"
            self.events.event(vmi, "Warning", "FailedEvict", text)
            raise
        text = "Initiated eviction of VMI as part of automated workload update: <nil>"
        self.events.event(vmi, "Normal", "SuccessfulEvict", text)

    async def _abort(self, vmi: Object) -> None:
        namespace, name = key_of(vmi)
        for migration in filter(_is_for_update, self._under_way(vmi)):
            if not is_deleting(migration):
                await self.world.kube.delete(kinds.MIGRATION, migration["metadata"]["name"], namespace)
                self.events.event(vmi, "Normal", "SuccessfulChangeAbortion", f"Aborted change for vmi: {name}")


def _has_changed(vmi: Object) -> bool:
    """Whether the VMI has been changed in a way that only a migration brings about."""
    changes = ("HotMemoryChange", "MigrationRequired", "VolumesChange")
    return condition(vmi, "HotVCPUChange") is not None or any(holds(vmi, change) for change in changes)


def _is_settled(vmi: Object, under_way: Iterable[Object]) -> bool:
    """Whether a migration for an update is under way that nothing calls for, and that has not arrived."""
    if _has_changed(vmi) or "targetNodeDomainReadyTimestamp" in migration_state(vmi):
        return False
    return any(_is_for_update(item) for item in under_way)


def _is_for_update(migration: Object) -> bool:
    return names.WORKLOAD_UPDATE_MIGRATION in annotations_of(migration)


def seconds(duration: str | None, default: float) -> float:
    """A Go duration of one or several whole parts, such as 1m30s, in seconds."""
    if not duration:
        return default
    total, digits = 0.0, ""
    for char in duration:
        if char in UNITS:
            total, digits = total + float(digits) * UNITS[char], ""
        else:
            digits += char
    return total
