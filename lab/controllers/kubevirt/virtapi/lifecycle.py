"""Start, stop, restart, migrate, and cancelling an evacuation: the subresources that change objects only.

Source: pkg/virt-api/rest/lifecycle.go, subresource.go, evacuate_cancel.go at v1.8.4.
"""

from __future__ import annotations

from typing import Any

from .... import kinds
from ....defects.catalogue import DRY_RUN_IGNORED, Defects
from ....kube import ApiError, Kind, Kube, Object
from ..objects import is_final, phase, status
from .refusals import Refusal, conflict, not_found

Options = dict[str, Any]
GENERATED = "kubevirt-migrate-vm-"


class Lifecycle:
    """The verbs, each for one VM by namespace and name. They raise Refusal."""

    def __init__(self, kube: Kube, defects: Defects) -> None:
        self._kube, self._defects = kube, defects

    async def start(self, namespace: str, name: str, options: Options) -> None:
        vm = await self._vm(namespace, name)
        vmi = await self._kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)
        strategy = run_strategy(vm)
        if vmi is not None and not is_final(vmi) and phase(vmi):
            raise conflict(name, "VM is already running")
        if strategy in ("Always", "Once"):
            raise conflict(name, f"{strategy} does not support manual start requests")
        if strategy == "RerunOnFailure" and vmi is None:
            raise conflict(name, "RerunOnFailure does not support starting VM from failed state")
        if strategy == "Halted" and not options.get("paused"):
            await self._switch(vm, "Always", options)
        else:
            request: Object = {"action": "Start"}
            if options.get("paused"):
                request["data"] = {"paused": "true"}
            await self._ask(vm, [request], options)

    async def stop(self, namespace: str, name: str, options: Options) -> None:
        vm = await self._vm(namespace, name)
        vmi = await self._kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)
        running = vmi is not None and not is_final(vmi)
        strategy = run_strategy(vm)
        if not running and strategy in ("Halted", "Manual", "Once"):
            raise conflict(name, "VM is not running")
        if "gracePeriod" in options and vmi is not None:
            await self._shorten_grace(vmi, options)
        if strategy == "Halted":
            if "gracePeriod" not in options:
                raise conflict(name, "Halted only supports manual stop requests with a shorter graceperiod")
        elif strategy == "Always":
            await self._switch(vm, "Halted", options)
        elif vmi is not None:
            await self._ask(vm, [{"action": "Stop", "uid": vmi["metadata"]["uid"]}], options)

    async def restart(self, namespace: str, name: str, options: Options) -> None:
        vm = await self._vm(namespace, name)
        strategy = run_strategy(vm)
        if strategy in ("Halted", "Once"):
            raise conflict(name, f"{strategy} does not support manual restart requests")
        vmi = await self._kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)
        if vmi is None or is_final(vmi):
            raise conflict(name, "VM is not running")
        stop = {"action": "Stop", "uid": vmi["metadata"]["uid"]}
        await self._ask(vm, [stop, {"action": "Start"}], options)
        if options.get("gracePeriodSeconds") == 0 and not options.get("dryRun"):
            await self._kill(vmi)

    async def migrate(self, namespace: str, name: str, options: Options) -> None:
        await self._vm(namespace, name)
        vmi = await self._kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)
        if vmi is None:
            raise not_found("virtualmachineinstance.kubevirt.io", name)
        if phase(vmi) != "Running":
            raise conflict(name, "VM is not running")
        spec: Object = {"vmiName": name}
        if options.get("addedNodeSelector"):
            spec["addedNodeSelector"] = options["addedNodeSelector"]
        body = {"metadata": {"generateName": GENERATED, "namespace": namespace}, "spec": spec}
        dry = {} if self._defects.on(DRY_RUN_IGNORED) else _dry(options)
        try:
            await self._post(kinds.MIGRATION, body, dry)
        except ApiError as error:
            raise Refusal(500, "InternalError", f"Internal error occurred: {error.message}") from error

    async def cancel_evacuation(self, namespace: str, name: str, options: Options, drain_taint: str) -> None:
        """Forget that the VMI must leave its node; a migration under way goes on."""
        vmi = await self._kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)
        if vmi is None:
            raise not_found("virtualmachineinstance.kubevirt.io", name)
        marked = status(vmi).get("evacuationNodeName")
        if not marked:
            return
        node = await self._kube.find(kinds.NODE, status(vmi).get("nodeName", ""))
        taints = (node or {}).get("spec", {}).get("taints") or []
        if node is not None and any(taint["key"] == drain_taint for taint in taints):
            text = f'Node "{node["metadata"]["name"]}" has NodeDrainTaintKey "{drain_taint}"'
            raise Refusal(400, "BadRequest", text)
        path = "/status/evacuationNodeName"
        patch = [
            {"op": "test", "path": path, "value": options.get("evacuationNodeName", "")},
            {"op": "remove", "path": path},
        ]
        try:
            await self._patch(kinds.VIRTUAL_MACHINE_INSTANCE, vmi, patch, options)
        except ApiError as error:
            raise Refusal(500, "InternalError", f"Internal error occurred: {error.message}") from error

    async def _vm(self, namespace: str, name: str) -> Object:
        vm = await self._kube.find(kinds.VIRTUAL_MACHINE, name, namespace)
        if vm is None:
            raise not_found("virtualmachine.kubevirt.io", name)
        return vm

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
        """Leave state change requests for virt-controller."""
        asked = status(vm).get("stateChangeRequests")
        if asked:
            text = "unable to complete request: stop/start already underway"
            raise conflict(vm["metadata"]["name"], text)
        path = "/status/stateChangeRequests"
        patch: list[Object] = [
            {"op": "test", "path": path, "value": None},
            {"op": "add", "path": path, "value": requests},
        ]
        if "status" not in vm:
            patch = [{"op": "add", "path": "/status", "value": {"stateChangeRequests": requests}}]
        await self._raced(vm, patch, options, "status")

    async def _raced(self, vm: Object, patch: list[Object], options: Options, subresource: str | None = None) -> None:
        try:
            await self._patch(kinds.VIRTUAL_MACHINE, vm, patch, options, subresource)
        except ApiError as error:
            raise conflict(vm["metadata"]["name"], error.message) from error

    async def _shorten_grace(self, vmi: Object, options: Options) -> None:
        seconds = options["gracePeriod"]
        patch = [{"op": "add", "path": "/spec/terminationGracePeriodSeconds", "value": seconds}]
        await self._patch(kinds.VIRTUAL_MACHINE_INSTANCE, vmi, patch, options)

    async def _kill(self, vmi: Object) -> None:
        selector = f"kubevirt.io/created-by={vmi['metadata']['uid']}"
        for pod in (await self._kube.list(kinds.POD, vmi["metadata"]["namespace"], labels=selector)).items:
            await self._kube.delete(kinds.POD, pod["metadata"]["name"], pod["metadata"]["namespace"], grace=0)

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


def _dry(options: Options) -> dict[str, str]:
    return {"dryRun": "All"} if options.get("dryRun") else {}
