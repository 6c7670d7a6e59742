"""Start, stop, restart, migrate, and cancelling an evacuation: the subresources that change objects only.

Source: pkg/virt-api/rest/lifecycle.go, subresource.go, evacuate_cancel.go at v1.8.4.
"""

from __future__ import annotations

from typing import Any

from .... import kinds
from ....defects import Defects
from ....defects.eviction import CALL_IGNORED
from ....defects.tutorial import DRY_RUN_IGNORED
from ....kube import ApiError, Kind, Kube, Object
from ..objects import holds, is_final, migration_state, phase, status
from .refusals import VMI, bad_request, conflict, internal, not_found

Options = dict[str, Any]
GENERATED = "kubevirt-migrate-vm-"
NOT_RUNNING = "VM is not running"
RECOVERY = (
    "VM recovery required: Volume migration failed, leaving some volumes pointing to non-consistent targets; manual "
    "intervention is needed to reassign them to their original volumes."
)
KILL_GRACE = 1
"""The shortest grace with which a launcher still ends in order."""


class Lifecycle:
    """The verbs, each for one VM by namespace and name. They raise Refusal."""

    def __init__(self, kube: Kube, defects: Defects) -> None:
        self._kube, self._defects = kube, defects

    async def start(self, namespace: str, name: str, options: Options) -> None:
        vm, vmi = await self._vm(namespace, name), await self._vmi_or_none(namespace, name)
        strategy = run_strategy(vm)
        if vmi is not None and not is_final(vmi) and phase(vmi):
            raise conflict(name, "VM is already running")
        if holds(vm, "ManualRecoveryRequired"):
            raise conflict(name, RECOVERY)
        if strategy in ("Always", "Once"):
            raise conflict(name, f"{strategy} does not support manual start requests")
        if strategy == "Halted" and not options.get("paused"):
            await self._switch(vm, "Always", options)
            return
        if strategy == "RerunOnFailure" and vmi is not None and phase(vmi) == "Failed":
            raise conflict(name, "RerunOnFailure does not support starting VM from failed state")
        request: Object = {"action": "Start"}
        if options.get("paused"):
            request["data"] = {"paused": "true"}
        over = vmi is not None and is_final(vmi) and strategy != "Halted"
        await self._ask(vm, [_stopping(vmi), request] if vmi is not None and over else [request], options)

    async def stop(self, namespace: str, name: str, options: Options) -> None:
        vm, vmi = await self._vm(namespace, name), await self._vmi_or_none(namespace, name)
        strategy, running = run_strategy(vm), vmi is not None and not is_final(vmi)
        grace = options.get("gracePeriod")
        if running and vmi is not None and grace is not None:
            await self._shorten_grace(vmi, grace, options)
        if strategy in ("Always", "Once"):
            await self._switch(vm, "Halted", options)
            return
        if vmi is None or not running:
            raise conflict(name, NOT_RUNNING)
        before = vmi["spec"].get("terminationGracePeriodSeconds")
        if strategy == "Halted" and (grace is None or (before is not None and grace >= before)):
            raise conflict(name, "Halted only supports manual stop requests with a shorter graceperiod")
        await self._ask(vm, [_stopping(vmi)], options)

    async def restart(self, namespace: str, name: str, options: Options) -> None:
        grace = options.get("gracePeriodSeconds")
        if grace is not None and grace > 0:
            raise bad_request("For force restart, only gracePeriod=0 is supported for now")
        if grace is not None and grace < 0:
            raise bad_request("gracePeriod has to be greater or equal to 0")
        vm = await self._vm(namespace, name)
        strategy = run_strategy(vm)
        if holds(vm, "VolumesChange"):
            raise conflict(name, RECOVERY)
        if strategy in ("Halted", "Once"):
            raise conflict(name, f"RunStategy {strategy} does not support manual restart requests")
        vmi = await self._vmi_or_none(namespace, name)
        if vmi is None:
            raise conflict(name, f"{NOT_RUNNING}: Halted")
        await self._ask(vm, [_stopping(vmi), {"action": "Start"}], options)
        if grace == 0 and not options.get("dryRun"):
            await self._kill(vmi)

    async def migrate(self, namespace: str, name: str, options: Options) -> None:
        await self._vm(namespace, name)
        vmi = await self.vmi(namespace, name)
        if phase(vmi) != "Running":
            raise conflict(name, NOT_RUNNING)
        spec: Object = {"vmiName": name}
        if options.get("addedNodeSelector"):
            spec["addedNodeSelector"] = options["addedNodeSelector"]
        body = {"metadata": {"generateName": GENERATED, "namespace": namespace}, "spec": spec}
        dry = {} if self._defects.on(DRY_RUN_IGNORED) else _dry(options)
        try:
            await self._post(kinds.MIGRATION, body, dry)
        except ApiError as error:
            raise internal(error.message) from error

    async def vmi_of_vm(self, namespace: str, name: str) -> Object:
        """The VMI that a VM has created."""
        vm = await self._vm(namespace, name)
        if not status(vm).get("created"):
            raise conflict(name, "VMI is not started")
        return await self.vmi(namespace, name)

    async def cancel_evacuation(self, vmi: Object, options: Options | None, drain_taint: str) -> None:
        """Forget that the VMI must leave its node; a migration under way goes on. `options` is None without a body."""
        marked = status(vmi).get("evacuationNodeName")
        await self._check_drained(marked or status(vmi).get("nodeName", ""), drain_taint)
        if not marked or self._defects.on(CALL_IGNORED):
            return
        if options is None:
            raise bad_request("No body")
        path = "/status/evacuationNodeName"
        patch = [
            {"op": "test", "path": path, "value": options.get("evacuationNodeName", "")},
            {"op": "remove", "path": path},
        ]
        try:
            await self._patch(kinds.VIRTUAL_MACHINE_INSTANCE, vmi, patch, options)
        except ApiError as error:
            raise internal(error.message) from error

    async def _check_drained(self, name: str, drain_taint: str) -> None:
        """A node that is drained by its taint would mark the VMI again."""
        try:
            node = await self._kube.get(kinds.NODE, name)
        except ApiError as error:
            raise internal(error.message) from error
        for taint in node["spec"].get("taints") or []:
            if taint["key"] == drain_taint and taint.get("effect") == "NoSchedule":
                raise bad_request(f'Node "{name}" has NodeDrainTaintKey "{drain_taint}:NoSchedule"')

    async def _vm(self, namespace: str, name: str) -> Object:
        vm = await self._kube.find(kinds.VIRTUAL_MACHINE, name, namespace)
        if vm is None:
            raise not_found(name)
        return vm

    async def _vmi_or_none(self, namespace: str, name: str) -> Object | None:
        return await self._kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)

    async def vmi(self, namespace: str, name: str) -> Object:
        vmi = await self._vmi_or_none(namespace, name)
        if vmi is None:
            raise not_found(name, VMI)
        return vmi

    async def _switch(self, vm: Object, strategy: str, options: Options) -> None:
        """Change the run strategy, in the field that the VM uses."""
        field = "running" if "running" in vm["spec"] else "runStrategy"
        path, old = f"/spec/{field}", vm["spec"].get(field)
        new = strategy == "Always" if field == "running" else strategy
        patch: list[Object] = [
            {"op": "test", "path": path, "value": old},
            {"op": "replace", "path": path, "value": new},
        ]
        await self._raced(vm, patch, options)

    async def _ask(self, vm: Object, requests: list[Object], options: Options) -> None:
        """Leave state change requests for virt-controller. A lone stop replaces whatever was asked before."""
        asked, path = status(vm).get("stateChangeRequests"), "/status/stateChangeRequests"
        if asked and (len(requests) > 1 or requests[0]["action"] != "Stop"):
            raise internal("unable to complete request: stop/start already underway")
        patch: list[Object] = [
            {"op": "test", "path": path, "value": asked or None},
            {"op": "replace" if asked else "add", "path": path, "value": requests},
        ]
        if not vm.get("status"):
            patch = [{"op": "add", "path": "/status", "value": {"stateChangeRequests": requests}}]
        if status(vm).get("startFailure"):
            patch.append({"op": "remove", "path": "/status/startFailure"})
        await self._raced(vm, patch, options, "status")

    async def _raced(self, vm: Object, patch: list[Object], options: Options, subresource: str | None = None) -> None:
        """Patch a VM whose members may have changed since they were read."""
        try:
            await self._patch(kinds.VIRTUAL_MACHINE, vm, patch, options, subresource)
        except ApiError as error:
            if "test failed" in error.message:
                raise conflict(vm["metadata"]["name"], error.message) from error
            raise internal(error.message) from error

    async def _shorten_grace(self, vmi: Object, seconds: int, options: Options) -> None:
        path = "/spec/terminationGracePeriodSeconds"
        before = vmi["spec"].get("terminationGracePeriodSeconds")
        patch = [{"op": "test", "path": path, "value": before}, {"op": "replace", "path": path, "value": seconds}]
        try:
            await self._patch(kinds.VIRTUAL_MACHINE_INSTANCE, vmi, patch, options)
        except ApiError as error:
            raise internal(error.message) from error

    async def _kill(self, vmi: Object) -> None:
        """End the launcher that runs the guest, so that the VM starts again at once."""
        namespace = vmi["metadata"]["namespace"]
        selector = f"kubevirt.io=virt-launcher,kubevirt.io/created-by={vmi['metadata']['uid']}"
        page = await self._kube.list(kinds.POD, namespace, labels=selector)
        running = [pod["metadata"]["name"] for pod in page.items if phase(pod) == "Running"]
        state = migration_state(vmi)
        name = state["targetPod"] if len(running) > 1 and state.get("completed") else next(iter(running), None)
        if name is not None:
            await self._kube.delete(kinds.POD, name, namespace, grace=KILL_GRACE)

    async def _patch(
        self, kind: Kind, obj: Object, patch: list[Object], options: Options, subresource: str | None = None
    ) -> None:
        path = kind.path(obj["metadata"]["namespace"], obj["metadata"]["name"], subresource)
        await self._kube.request("PATCH", path, patch, _dry(options), "application/json-patch+json")

    async def _post(self, kind: Kind, body: Object, params: dict[str, str]) -> None:
        typed = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        await self._kube.request("POST", kind.path(body["metadata"]["namespace"]), typed, params)


def run_strategy(vm: Object) -> str:
    """The run strategy that `running` stands for, or that is named."""
    if "running" in vm["spec"]:
        return "Always" if vm["spec"]["running"] else "Halted"
    strategy: str = vm["spec"].get("runStrategy", "Halted")
    return strategy


def _stopping(vmi: Object) -> Object:
    return {"action": "Stop", "uid": vmi["metadata"]["uid"]}


def _dry(options: Options) -> dict[str, str]:
    return {"dryRun": "All"} if options.get("dryRun") else {}
