"""The VM controller: starts and stops a VM's VMI as its run strategy says, and keeps the VM's status."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from ... import kinds
from ...copies import copied
from ...defects.chaos import LOST_STAYS_LOST
from ...informer import Queue, key_of, run_controller
from ...kube import ApiError, Object
from . import names
from .expectations import Expectations
from .objects import (
    annotations_of,
    finalizers,
    is_deleting,
    is_final,
    owned_by,
    owner_reference,
    status,
    uid,
)
from .vmstatus import VmFacts, first_vm_status, next_vm_status
from .vmstrategy import Step, next_step, retry_time, start_paused
from .world import World

SAFETY_NET = 1.0
FIRMWARE_NAMESPACE = uuid.UUID("6a1a24a1-4061-4607-8bf4-a3963d0c5895")
"""A VM without a firmware UUID gets one derived from its name in this namespace."""


class VmController:
    """Works on one VM at a time per worker."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = Queue()
        self.own = Expectations(world.vms)
        self.made = Expectations(world.vmis)
        self.started_from: dict[str, Any] = {}
        """The template that each VMI was made from, by the VMI's UID."""
        self.lost: set[str] = set()
        """The UIDs of VMs whose guest has ended once; a defect remembers them."""
        world.vms.on_change(lambda event, vm: self.queue.add(key_of(vm)))
        world.vmis.on_change(self._vmi_changed)

    async def run(self) -> None:
        await run_controller("vm", self.queue, [], self.reconcile)

    def _vmi_changed(self, event: str, vmi: Object) -> None:
        if event == "DELETED":
            self.started_from.pop(uid(vmi), None)
        self.queue.add(key_of(vmi))

    async def reconcile(self, namespace: str, name: str) -> float | None:
        key = (namespace, name)
        vm = self.world.vms.get(namespace, name)
        if vm is None:
            return None
        if not self.own.satisfied(key) or not self.made.satisfied(key):
            return SAFETY_NET
        if not is_deleting(vm) and await self._prepare(vm):
            return None
        vmi = self.world.vmis.get(namespace, name)
        vmi = vmi if vmi and owned_by(vmi, uid(vm)) else None
        if vmi is None and is_deleting(vm):
            await self._release(vm)
            return None
        if vmi and (is_final(vmi) or is_deleting(vmi)) and self.world.defects.on(LOST_STAYS_LOST):
            self.lost.add(uid(vm))
        now = datetime.now(UTC)
        step = next_step(vm, vmi, now)
        failure = await self._take_step(vm, vmi, step)
        if vmi and is_final(vmi) and is_deleting(vmi):
            await self._release_vmi(vmi)
        if vmi:
            vmi = await self._bump_generation(vm, vmi)
        started = vmi is None and not self.made.satisfied(key)
        facts = VmFacts(
            vmi=vmi,
            restart_required=vmi is not None and self._has_changed(vm, vmi),
            failure=failure,
            just_started=started,
            start_again=step is Step.STOP_AND_START,
        )
        await self._write(vm, facts, now)
        waiting = (retry_time(vm, now) - now).total_seconds()
        return waiting if vmi is None and waiting > 0 else SAFETY_NET if failure else None

    async def _prepare(self, vm: Object) -> bool:
        """What every VM gets first, one write each."""
        if not status(vm) and (first := first_vm_status(vm)):
            await self._store_status(vm, first)
            return True
        body = copied(vm)
        marks = body["metadata"].setdefault("annotations", {})
        if names.LATEST_VERSION not in marks:
            marks |= {names.LATEST_VERSION: "v1", names.STORAGE_VERSION: "v1"}
        elif names.VM_FINALIZER not in finalizers(vm):
            body["metadata"]["finalizers"] = [*finalizers(vm), names.VM_FINALIZER]
        else:
            return False
        self.own.wrote(key_of(vm), await self.world.kube.replace(kinds.VIRTUAL_MACHINE, body))
        return True

    async def _release(self, vm: Object) -> None:
        if names.VM_FINALIZER in finalizers(vm):
            body = copied(vm)
            body["metadata"]["finalizers"].remove(names.VM_FINALIZER)
            self.own.wrote(key_of(vm), await self.world.kube.replace(kinds.VIRTUAL_MACHINE, body))

    async def _release_vmi(self, vmi: Object) -> None:
        """Let an ended VMI go, as far as the VM is concerned."""
        if names.VM_FINALIZER in finalizers(vmi):
            kept = [item for item in finalizers(vmi) if item != names.VM_FINALIZER]
            patch = [
                {"op": "test", "path": "/metadata/finalizers", "value": finalizers(vmi)},
                {"op": "replace", "path": "/metadata/finalizers", "value": kept},
            ]
            namespace, name = key_of(vmi)
            await self.world.kube.patch(kinds.VIRTUAL_MACHINE_INSTANCE, name, patch, namespace)

    # Starting and stopping.

    async def _take_step(self, vm: Object, vmi: Object | None, step: Step) -> str | None:
        """Carry out the step; what went wrong, if something did."""
        if step is Step.START and uid(vm) not in self.lost:
            return await self._start(vm)
        if vmi and step in (Step.STOP, Step.STOP_AND_START):
            await self._stop(vm, vmi)
        return None

    async def _start(self, vm: Object) -> str | None:
        body = vmi_of(vm)
        try:
            vmi = await self.world.kube.create(kinds.VIRTUAL_MACHINE_INSTANCE, body)
        except ApiError as error:
            text = f"Error creating virtual machine instance: {error.message}"
            self.world.events.event(vm, "Warning", "FailedCreate", text)
            return error.message
        self.started_from[uid(vmi)] = vm["spec"]["template"]
        self.made.wrote(key_of(vm), vmi)
        name = vmi["metadata"]["name"]
        text = f"Started the virtual machine by creating the new virtual machine instance {name}"
        self.world.events.event(vm, "Normal", "SuccessfulCreate", text)
        return None

    async def _stop(self, vm: Object, vmi: Object) -> None:
        namespace, name = key_of(vmi)
        await self.world.kube.delete(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace, uid=uid(vmi))
        text = f"Stopped the virtual machine by deleting the virtual machine instance {uid(vmi)}"
        self.world.events.event(vm, "Normal", "SuccessfulDelete", text)

    async def _bump_generation(self, vm: Object, vmi: Object) -> Object:
        """A VM whose template is still the one its VMI was made from: the VMI is up to date with its generation."""
        generation = str(vm["metadata"]["generation"])
        if annotations_of(vmi).get(names.VM_GENERATION) == generation or self._has_changed(vm, vmi):
            return vmi
        if is_deleting(vmi):
            return vmi
        namespace, name = key_of(vmi)
        marks = {"metadata": {"annotations": {names.VM_GENERATION: generation}}}
        return await self.world.kube.patch(kinds.VIRTUAL_MACHINE_INSTANCE, name, marks, namespace, style="merge")

    def _has_changed(self, vm: Object, vmi: Object) -> bool:
        template = vm["spec"]["template"]
        return bool(self.started_from.get(uid(vmi), template) != template)

    # The status.

    async def _write(self, vm: Object, facts: VmFacts, now: datetime) -> None:
        wanted = next_vm_status(vm, facts, now)
        if wanted != status(vm):
            await self._store_status(vm, wanted)

    async def _store_status(self, vm: Object, wanted: dict[str, Any]) -> None:
        body = {**vm, "status": wanted}
        self.own.wrote(key_of(vm), await self.world.kube.replace(kinds.VIRTUAL_MACHINE, body, "status"))


def vmi_of(vm: Object) -> Object:
    """The VMI that a VM starts."""
    template = copied(vm["spec"]["template"])
    metadata, spec = template.get("metadata") or {}, template["spec"]
    if start_paused(vm):
        spec["startStrategy"] = "Paused"
    firmware = spec["domain"].setdefault("firmware", {})
    firmware.setdefault("uuid", str(uuid.uuid5(FIRMWARE_NAMESPACE, vm["metadata"]["name"])))
    generation = vm["metadata"]["generation"]
    return {
        "apiVersion": kinds.VIRTUAL_MACHINE_INSTANCE.api_version,
        "kind": kinds.VIRTUAL_MACHINE_INSTANCE.kind,
        "metadata": {
            "name": vm["metadata"]["name"],
            "namespace": vm["metadata"]["namespace"],
            "labels": metadata.get("labels") or {},
            "annotations": {**(metadata.get("annotations") or {}), names.VM_GENERATION: str(generation)},
            "finalizers": [names.VM_FINALIZER],
            "ownerReferences": [owner_reference(vm)],
        },
        "spec": spec,
        "status": {"virtualMachineRevisionName": f"revision-start-vm-{uid(vm)}-{generation}"},
    }
