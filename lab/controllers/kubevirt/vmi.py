"""The VMI controller: gives a VMI its launcher pod, follows the pod, and cleans up when the VMI goes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from ... import kinds
from ...clock import timestamp
from ...copies import copied
from ...informer import Key, Queue, key_of, run_controller
from ...kube import ApiError, Object
from . import names
from .autolimits import auto_limits
from .expectations import Expectations
from .launcherpod import first_launcher
from .migration.queueing import is_running
from .objects import (
    annotations_of,
    current_pod,
    finalizers,
    holds,
    is_deleting,
    is_final,
    labels,
    phase,
    status,
)
from .podvolumes import claim_of, is_hotplugged
from .vmipatch import guarded_patch
from .vmistatus import SyncError, next_vmi
from .world import World

SAFETY_NET = 1.0
RETRY = 1.0
NOT_PAUSED = {"status": "True", "reason": "NotPaused", "message": "the virtual machine is not paused"}
PAUSED = {"status": "False", "reason": "Paused", "message": "the virtual machine is paused"}


@dataclass(frozen=True)
class Start:
    """What came of making the launcher pod."""

    pod: Object | None = None
    again: float | None = None
    error: SyncError | None = None


class VmiController:
    """Works on one VMI at a time per worker."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = Queue()
        self.own = Expectations(world.vmis)
        self.made = Expectations(world.launchers)
        self._evicted_at: dict[Key, float] = {}
        """When each VMI was first seen to be marked for evacuation."""
        world.vmis.on_change(lambda event, vmi: self.queue.add(key_of(vmi)))
        world.launchers.on_change(self._pod_changed)
        world.claims.on_change(self._claim_changed)
        world.migrations.on_change(self._migration_changed)

    async def run(self) -> None:
        await run_controller("vmi", self.queue, [], self.reconcile)

    def _pod_changed(self, event: str, pod: Object) -> None:
        if vmi := self.world.owner_vmi(pod):
            self.queue.add(key_of(vmi))

    def _claim_changed(self, event: str, claim: Object) -> None:
        namespace, name = key_of(claim)
        for vmi in self.world.vmis.items(namespace):
            if any(claim_of(volume) == name for volume in vmi["spec"].get("volumes") or []):
                self.queue.add(key_of(vmi))

    def _migration_changed(self, event: str, migration: Object) -> None:
        """A VMI that waits for the end of its namesake's migration may go on."""
        if is_final(migration) or event == "DELETED":
            self.queue.add((migration["metadata"]["namespace"], migration["spec"]["vmiName"]))

    async def reconcile(self, namespace: str, name: str) -> float | None:
        key = (namespace, name)
        vmi = self.world.vmis.get(namespace, name)
        if vmi is None:
            self._evicted_at.pop(key, None)
            return None
        if not self.own.satisfied(key) or not self.made.satisfied(key):
            return SAFETY_NET
        if names.LATEST_VERSION not in annotations_of(vmi):
            await self._annotate(vmi)
            return None
        pods = self.world.pods_of(vmi)
        started = Start()
        if is_deleting(vmi):
            await self._delete_pods(vmi, pods)
        elif not pods and phase(vmi) in ("", "Pending"):
            started = await self._start(vmi)
        if is_final(vmi) and is_deleting(vmi) and not pods and names.VM_FINALIZER not in finalizers(vmi):
            await self._release(vmi)
        else:
            await self._follow(vmi, started.pod or current_pod(vmi, pods), pods, started.error)
            if not self._may_tell_eviction(vmi):
                return self.world.pace.eviction_told
        return started.again

    async def _annotate(self, vmi: Object) -> None:
        body = copied(vmi)
        marks = body["metadata"].setdefault("annotations", {})
        marks |= {names.LATEST_VERSION: "v1", names.STORAGE_VERSION: "v1"}
        self.own.wrote(key_of(vmi), await self.world.kube.replace(kinds.VIRTUAL_MACHINE_INSTANCE, body))

    # The pod.

    async def _start(self, vmi: Object) -> Start:
        """Create the launcher, or say why not and when to try again."""
        namespace, name = key_of(vmi)
        retry = RETRY * self.world.pace.slot_poll
        if any(is_running(item) for item in self.world.migrations_of(namespace, name)):
            return Start(again=retry)
        if missing := self._missing_claim(vmi):
            text = f"PVC {namespace}/{missing} does not exist, waiting for it to appear"
            self.world.events.event(vmi, "Warning", "FailedPvcNotFound", text)
            return Start(error=SyncError("FailedPvcNotFound", text))
        try:
            body = first_launcher(vmi, self.world.config(), auto_limits(vmi, self.world))
            pod = await self.world.kube.create(kinds.POD, body)
        except ApiError as error:
            text = f"Error creating pod: {error.message}"
            self.world.events.event(vmi, "Warning", "FailedCreate", text)
            text = f"failed to create virtual machine pod: {error.message}"
            return Start(again=retry, error=SyncError("FailedCreate", text))
        self.made.wrote((namespace, name), pod)
        made = pod["metadata"]["name"]
        self.world.events.event(vmi, "Normal", "SuccessfulCreate", f"Created virtual machine pod {made}")
        return Start(pod=pod)

    def _missing_claim(self, vmi: Object) -> str | None:
        for volume in vmi["spec"].get("volumes") or []:
            claim = claim_of(volume)
            if claim and not is_hotplugged(volume) and not self.world.claims.get(vmi["metadata"]["namespace"], claim):
                return claim
        return None

    async def _delete_pods(self, vmi: Object, pods: list[Object]) -> None:
        for pod in pods:
            if is_deleting(pod) and not is_final(pod):
                continue
            metadata = pod["metadata"]
            await self.world.kube.delete(kinds.POD, metadata["name"], metadata["namespace"], uid=metadata["uid"])
            text = f"Deleted virtual machine pod {metadata['name']}"
            self.world.events.event(vmi, "Normal", "SuccessfulDelete", text)

    # What follows from the pods.

    async def _follow(self, vmi: Object, pod: Object | None, pods: list[Object], error: SyncError | None) -> None:
        """Mark the pod, then write what follows for the VMI."""
        claims = {item["metadata"]["name"]: item for item in self.world.claims.items(vmi["metadata"]["namespace"])}
        now, tells = datetime.now(UTC), self._may_tell_eviction(vmi)
        wanted = next_vmi(vmi, pod, pods, claims, self.world.config(), error, now, tells_eviction=tells)
        if pod is not None and not is_final(pod) and not is_deleting(pod):
            await self._mark_pod(vmi, pod)
        await self._write(vmi, wanted)

    def _may_tell_eviction(self, vmi: Object) -> bool:
        """Whether that it is to be evacuated has been known for long enough."""
        key = key_of(vmi)
        if not status(vmi).get("evacuationNodeName"):
            self._evicted_at.pop(key, None)
            return True
        known = time.monotonic() - self._evicted_at.setdefault(key, time.monotonic())
        return known >= self.world.pace.eviction_told

    async def _write(self, vmi: Object, wanted: Object) -> None:
        """Replace a VMI that no virt-handler owns yet; patch one that it does."""
        if wanted == vmi:
            return
        kind, (namespace, name) = kinds.VIRTUAL_MACHINE_INSTANCE, key_of(vmi)
        if phase(vmi) in ("", "Pending", "Scheduling"):
            written = await self.world.kube.replace(kind, wanted)
        else:
            written = await self.world.kube.patch(kind, name, guarded_patch(vmi, wanted), namespace)
        self.own.wrote((namespace, name), written)

    async def _release(self, vmi: Object) -> None:
        """Drop the finalizer of a VMI that has no pods any more."""
        body = copied(vmi)
        kept = [item for item in finalizers(vmi) if item != self.world.release.vmi_finalizer]
        if kept != finalizers(vmi):
            body["metadata"]["finalizers"] = kept
            self.own.wrote(key_of(vmi), await self.world.kube.replace(kinds.VIRTUAL_MACHINE_INSTANCE, body))

    async def _mark_pod(self, vmi: Object, pod: Object) -> None:
        """Keep the pod's readiness gate, and the labels and annotations that follow the VMI, up to date.

        Only a gate that is open is shut: the pod to which a paused guest has migrated gets none before it is unpaused
        (syncPausedConditionToPod in pkg/virt-controller/watch/vmi/lifecycle.go of all releases).
        """
        namespace, name = key_of(pod)
        gate = PAUSED if holds(vmi, "Paused") else NOT_PAUSED
        if holds(pod, names.UNPAUSED) is (gate is PAUSED):
            now = timestamp()
            made = {"type": names.UNPAUSED, **gate, "lastProbeTime": now, "lastTransitionTime": now}
            change = {"status": {"conditions": [made]}}
            marked = await self.world.kube.patch(
                kinds.POD, name, change, namespace, style="strategic", subresource="status"
            )
            self.made.wrote(key_of(vmi), marked)
        if changes := _pod_marks(vmi, pod):
            change = {"metadata": changes}
            marked = await self.world.kube.patch(kinds.POD, name, change, namespace, style="merge")
            self.made.wrote(key_of(vmi), marked)


def _pod_marks(vmi: Object, pod: Object) -> Object:
    """The metadata of a merge patch that makes the pod's marks follow the VMI's; empty when they do."""
    changes: Object = {}
    for name in (names.NODE_NAME, names.OUTDATED_IMAGE):
        if labels(vmi).get(name) != labels(pod).get(name):
            changes.setdefault("labels", {})[name] = labels(vmi).get(name)
    evicting = "true" if status(vmi).get("evacuationNodeName") else None
    if evicting != annotations_of(pod).get(names.EVICTION_IN_PROGRESS):
        changes["annotations"] = {names.EVICTION_IN_PROGRESS: evicting}
    return changes
