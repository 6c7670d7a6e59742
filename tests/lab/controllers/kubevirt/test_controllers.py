"""All controllers together, against an API in memory; the test plays kubelet, webhooks and virt-handlers."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from seatrial.lab import kinds
from seatrial.lab.clock import timestamp
from seatrial.lab.controllers.kubevirt.main import run_controllers
from seatrial.lab.controllers.kubevirt.objects import enter_phase, labels, phase, uid
from seatrial.lab.defects import Defects
from seatrial.lab.kube import ApiError, Kind, Kube, Object, cancel
from seatrial.lab.pace import Pace
from tests.lab.memoryapi import MemoryApi

from .objects_made import release

VMI, VM, VMIM, POD = kinds.VIRTUAL_MACHINE_INSTANCE, kinds.VIRTUAL_MACHINE, kinds.MIGRATION, kinds.POD
JOB = "kubevirt.io/migrationJobUID"
UNPAUSED = "kubevirt.io/virtual-machine-unpaused"
NEVER = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes are available"}


class Cluster:
    """The API, and the parts that the test plays."""

    def __init__(self) -> None:
        self.api = MemoryApi()
        self.api.refuse = self._webhooks

    @staticmethod
    def _webhooks(kind: Kind, body: Object) -> None:
        if kind == VMIM:
            body["metadata"]["finalizers"] = ["kubevirt.io/migrationJobFinalize"]
        if kind == VMI:
            body["metadata"].setdefault("finalizers", []).append("kubevirt.io/foregroundDeleteVirtualMachine")
            body.setdefault("status", {}).update(phase="Pending", runtimeUser=107)

    async def vm(self, strategy: str = "Always") -> None:
        spec = {"domain": {"devices": {}, "memory": {"guest": "128Mi"}}, "evictionStrategy": "LiveMigrate"}
        body = {"runStrategy": strategy, "template": {"metadata": {"labels": {"app": "vm1"}}, "spec": spec}}
        await self.api.create(VM, {"metadata": {"name": "vm1", "namespace": "vms"}, "spec": body})

    async def migrate(self, name: str = "m1", **metadata: Any) -> None:
        body = {"metadata": {"name": name, "namespace": "vms", **metadata}, "spec": {"vmiName": "vm1"}}
        await self.api.create(VMIM, body)

    def one(self, kind: Kind, name: str = "") -> Object | None:
        return next((item for item in self.api.all(kind) if name in ("", item["metadata"]["name"])), None)

    def target(self) -> Object | None:
        return next((pod for pod in self.api.all(POD) if JOB in labels(pod)), None)

    async def edit(self, kind: Kind, name: str, change: Callable[[Object], None]) -> None:
        """Change an object as somebody else would."""
        subresource = "status" if kind in (POD, VM, VMIM) else None
        body = copy.deepcopy(await self.api.get(kind, name, "vms"))
        change(body)
        await self.api.replace(kind, body, subresource)

    async def phase(self, kind: Kind, wanted: str, name: str = "") -> None:
        what = f"{kind.plural} {name} {wanted}"
        await self.api.until(lambda: (found := self.one(kind, name)) and phase(found) == wanted, what)

    async def place(self, pod: Object, node: str) -> None:
        """Scheduler and kubelet: bind the pod and start its containers."""
        name = pod["metadata"]["name"]
        await self.api.patch(POD, name, {"spec": {"nodeName": node}}, "vms", style="merge")
        started = {"name": "compute", "ready": True, "state": {"running": {}}}
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": timestamp(datetime.now(UTC))}
        status = {"phase": "Running", "containerStatuses": [started], "conditions": [ready]}
        await self.edit(POD, name, lambda body: body["status"].update(status))

    async def handler(self, **fields: Any) -> None:
        """A virt-handler writes on the VMI."""

        def write(body: Object) -> None:
            body["status"].update(fields)
            if "phase" in fields:
                enter_phase(body["status"], fields["phase"], datetime.now(UTC))

        await self.edit(VMI, "vm1", write)

    async def state(self, **fields: Any) -> None:
        """A virt-handler writes into the VMI's migration state."""
        await self.edit(VMI, "vm1", lambda body: body["status"]["migrationState"].update(fields))

    async def running(self) -> None:
        """A VM whose guest runs on node-a."""
        await self.vm()
        await self.api.until(lambda: self.one(POD), "a pod")
        await self.place(cast(Object, self.one(POD)), "node-a")
        await self.phase(VMI, "Scheduled")
        await self.handler(phase="Running")
        await self.api.until(lambda: self.shows("Running"), "VM Running")

    def shows(self, word: str) -> bool:
        found = self.one(VM)
        return bool(found) and (found or {}).get("status", {}).get("printableStatus") == word

    async def handed_off(self) -> None:
        """A migration m1 of the running VM, up to PreparingTarget."""
        await self.migrate()
        await self.api.until(self.target, "a target")
        await self.place(cast(Object, self.target()), "node-b")
        await self.phase(VMIM, "PreparingTarget")

    async def migrating(self) -> None:
        await self.handed_off()
        await self.state(targetNodeAddress="10.0.0.2")
        await self.phase(VMIM, "TargetReady")
        await self.state(startTimestamp="2026-06-20T10:00:00Z", mode="PreCopy")
        await self.phase(VMIM, "Running")

    def said(self, reason: str) -> list[str]:
        return [item["message"] for item in self.api.all(kinds.EVENT) if item["reason"] == reason]


@asynccontextmanager
async def cluster(version: str = "1.8") -> AsyncIterator[Cluster]:
    made = Cluster()
    task = asyncio.create_task(run_controllers(cast(Kube, made.api), release(version), Pace(slot_poll=0.01), Defects()))
    try:
        yield made
    finally:
        await cancel(task)


def play(scene: Callable[[Cluster], Awaitable[None]], version: str = "1.8") -> None:
    async def run() -> None:
        async with cluster(version) as made:
            await scene(made)

    asyncio.run(run())


def changes(api: MemoryApi, kind: Kind, path: Callable[[Object], Any]) -> list[Any]:
    """The values a field went through, without repeats."""
    found: list[Any] = []
    for item in api.history(kind):
        if not found or found[-1] != path(item):
            found.append(path(item))
    return found


def test_a_vm_starts_through_every_phase() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        assert changes(it.api, VMI, phase) == ["Pending", "Scheduling", "Scheduled", "Running"]
        vmi = cast(Object, it.one(VMI))
        assert vmi["status"]["nodeName"] == "node-a"
        assert labels(vmi)["kubevirt.io/nodeName"] == "node-a"
        assert list(vmi["status"]["activePods"].values()) == ["node-a"]
        pod = cast(Object, it.one(POD))
        assert labels(pod)["kubevirt.io/nodeName"] == "node-a"
        assert _gate(pod) == "NotPaused"

    play(scene)


def test_a_migration_goes_through_every_phase_in_writes_of_its_own() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        await it.migrating()
        await it.state(endTimestamp="2026-06-20T10:00:02Z")
        await it.handler(nodeName="node-b")
        await it.state(completed=True)
        await it.phase(VMIM, "Succeeded")
        await it.api.until(lambda: not cast(Object, it.one(VMIM))["metadata"]["finalizers"], "released")
        assert changes(it.api, VMIM, phase) == [
            "",
            "Pending",
            "Scheduling",
            "Scheduled",
            "PreparingTarget",
            "TargetReady",
            "Running",
            "Succeeded",
        ]
        done = cast(Object, it.one(VMIM))
        assert done["status"]["migrationState"] == cast(Object, it.one(VMI))["status"]["migrationState"]
        assert changes(it.api, VMIM, _ending)[-3:] == [(True, False, True), (True, True, True), (True, True, False)]
        await it.api.until(lambda: it.said("SuccessfulMigration"), "said so")

    play(scene)


def _ending(migration: Object) -> tuple[bool, bool, bool]:
    """(final, tells the whole story, still has its finalizer)."""
    status = migration.get("status", {})
    final = status.get("phase") == "Succeeded"
    whole = "completed" in status.get("migrationState", {})
    return final, whole, bool(migration["metadata"]["finalizers"])


def test_cancel_while_the_target_is_scheduling_leaves_the_vmi_alone() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        before = cast(Object, it.one(VMI))["status"].get("migrationState")
        await it.migrate()
        await it.phase(VMIM, "Scheduling")
        await it.api.delete(VMIM, "m1", "vms")
        await it.api.until(lambda: not it.one(VMIM) and not it.target(), "gone")
        last = next(item for item in it.api.history(VMIM) if phase(item) == "Failed")
        assert [item["type"] for item in last["status"]["conditions"]] == ["migrationAbortRequested"]
        assert cast(Object, it.one(VMI))["status"].get("migrationState") == before

    play(scene)


def test_cancel_while_preparing_waits_for_the_start_and_then_asks_for_an_abort() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        await it.handed_off()
        await it.api.delete(VMIM, "m1", "vms")
        await it.api.until(lambda: cast(Object, it.one(VMIM))["status"].get("conditions"), "condition")
        await it.state(targetNodeAddress="10.0.0.2", startTimestamp="2026-06-20T10:00:00Z")
        await it.api.until(lambda: _state(it).get("abortRequested"), "abort requested")
        assert phase(cast(Object, it.one(VMIM))) == "Running"
        await it.state(failed=True, abortStatus="Succeeded", endTimestamp="2026-06-20T10:00:01Z")
        await it.api.until(lambda: not it.one(VMIM), "gone")
        assert [item for item in it.api.history(VMIM) if phase(item) == "Failed"]

    play(scene)


def _state(it: Cluster) -> Object:
    state: Object = cast(Object, it.one(VMI))["status"]["migrationState"]
    return state


def test_a_target_that_vanishes_while_preparing_marks_the_vmi() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        await it.handed_off()
        await it.api.delete(POD, cast(Object, it.target())["metadata"]["name"], "vms")
        await it.phase(VMIM, "Failed")
        await it.api.until(lambda: _state(it).get("failed"), "marked")
        assert _state(it)["completed"] is True
        assert _state(it)["startTimestamp"] == _state(it)["endTimestamp"]
        assert "failureReason" not in _state(it)

    play(scene)


def test_a_migration_whose_target_was_removed_is_released_only_when_it_tells_all() -> None:
    """Its first copy of the VMI's state is from before the VMI was marked."""

    async def scene(it: Cluster) -> None:
        await it.running()
        await it.migrating()
        await it.api.remove(POD, cast(Object, it.target())["metadata"]["name"], "vms")
        await it.phase(VMIM, "Failed")
        await it.api.until(lambda: not cast(Object, it.one(VMIM))["metadata"]["finalizers"], "released")
        assert changes(it.api, VMIM, _telling)[-4:] == [
            ("Failed", False, False, True),
            ("Failed", True, False, True),
            ("Failed", True, True, True),
            ("Failed", True, True, False),
        ]

    play(scene)


def _telling(migration: Object) -> tuple[str, bool, bool, bool]:
    """(phase, has a copy of the VMI's state, and of its end, still has its finalizer)."""
    state = migration.get("status", {}).get("migrationState", {})
    held = bool(migration["metadata"]["finalizers"])
    return phase(migration), "targetNode" in state, "endTimestamp" in state, held


def test_a_paused_guest_s_target_is_not_marked_until_it_is_unpaused() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        paused = {"type": "Paused", "status": "True", "reason": "PausedByUser"}
        await it.handler(conditions=[paused])
        await it.api.until(lambda: [_gate(pod) for pod in it.api.all(POD)] == ["Paused"], "the source marked")
        await it.migrating()
        await it.handler(nodeName="node-b")
        await it.edit(VMI, "vm1", lambda body: body["metadata"]["labels"].update({"kubevirt.io/nodeName": "node-b"}))
        await it.api.until(lambda: labels(_target(it)).get("kubevirt.io/nodeName") == "node-b", "the target followed")
        assert _gate(_target(it)) is None
        await it.handler(conditions=[])
        await it.api.until(lambda: _gate(_target(it)) == "NotPaused", "the target marked")

    play(scene)


def _target(it: Cluster) -> Object:
    return cast(Object, it.target())


def _gate(pod: Object) -> str | None:
    """The reason of the condition that launcher pods wait for to be ready."""
    return next((item["reason"] for item in pod["status"]["conditions"] if item["type"] == UNPAUSED), None)


def test_an_unschedulable_target_is_given_up_after_the_annotated_time() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        await it.migrate(annotations={"kubevirt.io/migrationUnschedulablePodTimeoutSeconds": "0"})
        await it.api.until(it.target, "a target")
        name = cast(Object, it.target())["metadata"]["name"]
        await it.edit(POD, name, lambda body: body["status"].update(conditions=[NEVER]))
        await it.phase(VMIM, "Failed")
        text = f"unschedulable pod vms/{name} timeout period exceeded"
        await it.api.until(lambda: it.said("SuccessfulDelete") == [text], "said so")
        assert "migrationState" not in cast(Object, it.one(VMI))["status"]

    play(scene)


def test_a_used_up_quota_keeps_the_migration_pending_until_it_changes() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        webhooks = it.api.refuse

        def full(kind: Kind, body: Object) -> None:
            if kind == POD:
                raise ApiError(403, {"message": 'pods "x" is forbidden: exceeded quota: q, requested: pods=1'})
            webhooks(kind, body)

        it.api.refuse = full
        await it.migrate()
        await it.api.until(lambda: _conditions(it) == ["migrationRejectedByResourceQuota"], "rejected")
        it.api.refuse = webhooks
        await it.phase(VMIM, "Scheduling")

    play(scene)


def _conditions(it: Cluster) -> list[str]:
    found = cast(Object, it.one(VMIM)).get("status", {}).get("conditions", [])
    return [item["type"] for item in found]


def test_stopping_a_vm_ends_its_migrations_and_frees_everything() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        await it.migrating()
        vm = await it.api.get(VM, "vm1", "vms")
        vm["spec"]["runStrategy"] = "Halted"
        await it.api.replace(VM, vm)
        await it.api.until(lambda: "deletionTimestamp" in (it.one(VMI) or {"metadata": {}})["metadata"], "going")
        await it.handler(phase="Succeeded")
        await it.api.until(lambda: not it.one(VMI) and not it.one(VMIM) and not it.one(POD), "all gone")
        await it.api.until(lambda: it.shows("Stopped"), "VM Stopped")

    play(scene)


def test_six_finished_migrations_leave_five() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        for number in range(6):
            await it.migrate(f"m{number}")
            await it.phase(VMIM, "Scheduling", f"m{number}")
            await it.api.delete(POD, cast(Object, it.target())["metadata"]["name"], "vms")
            await it.phase(VMIM, "Failed", f"m{number}")
        await it.api.until(lambda: len(it.api.all(VMIM)) == 5, "five left")
        assert [item["metadata"]["name"] for item in it.api.all(VMIM)] == ["m1", "m2", "m3", "m4", "m5"]

    play(scene)


@pytest.mark.parametrize("version", ["1.5", "1.8"])
def test_a_marked_vmi_is_evacuated(version: str) -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        migratable = [{"type": "LiveMigratable", "status": "True"}]
        await it.handler(evacuationNodeName="node-a", conditions=migratable)
        await it.api.until(lambda: it.one(VMIM), "a migration")
        made = cast(Object, it.one(VMIM))
        assert made["metadata"]["generateName"] == "kubevirt-evacuation-"
        assert made["metadata"]["annotations"]["kubevirt.io/evacuationMigration"] == "node-a"

    play(scene, version)


def test_a_vmi_that_cannot_move_is_not_evacuated() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        await it.handler(evacuationNodeName="node-a")
        await it.api.until(lambda: it.said("FailedCreate"), "said so")
        assert it.said("FailedCreate") == ["VirtualMachineInstance is not migrateable"]

    play(scene)


def test_up_to_1_5_a_budget_protects_both_pods_of_a_migration() -> None:
    budget = kinds.POD_DISRUPTION_BUDGET

    async def scene(it: Cluster) -> None:
        await it.running()
        await it.api.until(lambda: it.one(budget), "a budget")
        await it.migrate()
        await it.api.until(lambda: cast(Object, it.one(budget))["spec"]["minAvailable"] == 2, "widened")
        assert not it.target()
        name = cast(Object, it.one(budget))["metadata"]["name"]
        in_force = {"desiredHealthy": 2, "observedGeneration": 1}
        await it.api.patch(budget, name, {"status": in_force}, "vms", style="merge", subresource="status")
        await it.phase(VMIM, "Scheduling")
        await it.api.delete(POD, cast(Object, it.target())["metadata"]["name"], "vms")
        await it.api.until(lambda: cast(Object, it.one(budget))["spec"]["minAvailable"] == 1, "shrunk")

    play(scene, "1.5")


def test_a_silent_nodes_vmis_fail_and_nothing_new_goes_there() -> None:
    node = kinds.NODE

    async def scene(it: Cluster) -> None:
        await it.running()
        pod = cast(Object, it.one(POD))
        await it.edit(POD, pod["metadata"]["name"], lambda body: body["status"].update(phase="Failed"))
        marks = {"kubevirt.io/heartbeat": "2026-01-01T00:00:00Z"}
        schedulable = {"kubevirt.io/schedulable": "true"}
        await it.api.create(node, {"metadata": {"name": "node-a", "annotations": marks, "labels": schedulable}})
        await it.phase(VMI, "Failed")
        assert cast(Object, it.one(VMI))["status"]["reason"] == "NodeUnresponsive"
        assert labels(cast(Object, it.one(node)))["kubevirt.io/schedulable"] == "false"

    play(scene)


def test_a_vm_that_always_runs_gets_a_new_vmi_when_the_old_one_ends() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        first = uid(cast(Object, it.one(VMI)))
        await it.handler(phase="Failed")
        await it.api.until(lambda: (found := it.one(VMI)) and uid(found) != first, "another VMI")

    play(scene)


def test_a_deleted_vm_takes_its_vmi_with_it() -> None:
    async def scene(it: Cluster) -> None:
        await it.running()
        await it.api.delete(VM, "vm1", "vms")
        await it.api.until(lambda: it.shows("Terminating"), "Terminating")
        await it.handler(phase="Succeeded")
        await it.api.until(lambda: not it.one(VM) and not it.one(VMI) and not it.one(POD), "all gone")

    play(scene)
