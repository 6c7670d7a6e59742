"""One scenario on a live lab: the means to do again what was done on the recorded cluster, and to wait for its end."""

from __future__ import annotations

from collections.abc import Callable

from seatrial.fixtures.api import Api
from seatrial.fixtures.history import History
from seatrial.fixtures.kinds import (
    MIGRATION,
    MIGRATION_POLICY,
    NODE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    Kind,
    Object,
)

SPACE = "vms"
SECONDS = 30.0
WORKER = "node-role.kubernetes.io/worker"
TARGET_LABEL = "kubevirt.io/migrationTargetNodeName"
KINDS = (VIRTUAL_MACHINE, MIGRATION, MIGRATION_POLICY, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM)


class Play:
    """What happens in a scenario, and what has been seen of it."""

    def __init__(self, api: Api, history: History, manifests: list[Object]) -> None:
        self.api = api
        self.history = history
        self._manifests = manifests

    def apply(self, *kinds: Kind) -> None:
        """Create what the recording's manifests have of some kinds."""
        for kind in kinds:
            for item in self._manifests:
                if item["kind"] == kind.kind:
                    self.api.create(kind, item)

    def migrate(self, name: str) -> None:
        """Create the migration of this name that the recording's manifests have."""
        body = next(item for item in self._manifests if item["metadata"]["name"] == name)
        self.api.create(MIGRATION, body)

    def load(self, vm: str, mebibytes: int) -> None:
        """Have a guest rewrite so much memory, as fast as it can."""
        pod = next(iter(self._status(VIRTUAL_MACHINE_INSTANCE, vm)["activePods"]))
        name = next(
            item["metadata"]["name"] for item in self.history.objects(POD.kind) if item["metadata"]["uid"] == pod
        )
        path = f"{POD.path(SPACE, f'{name}:8080', 'proxy')}/load"
        self.api.request("PUT", path, {"vmBytes": mebibytes, "rate": 0, "vmMethod": "write64"})

    def until(self, what: str, holds: Callable[[], object]) -> None:
        self.history.wait(what, lambda _: holds() or None, SECONDS)

    def until_phase(self, migration: str, phase: str) -> None:
        self.until(f"{migration} {phase}", lambda: self._status(MIGRATION, migration).get("phase") == phase)

    def until_detected(self, vm: str) -> None:
        """Until the target has seen its domain: the recorded cancels came later than that."""
        self.until(f"{vm} seen by its target", lambda: self._state(vm).get("targetNodeDomainDetected"))

    def until_gone(self, kind: Kind, name: str) -> None:
        self.until(f"{name} gone", lambda: self.history.find(kind.kind, name) is None)

    def until_running(self, vm: str) -> None:
        """Until a started VM has come to rest, as the recorded ones had before they were migrated."""
        self.until(f"{vm} ready and known to be migratable", lambda: self._is_ready(vm))

    def until_settled(self, vm: str, migration: str) -> None:
        """Until a migration has ended and everybody has written what that brings with it."""
        self.until(f"{migration} settled", lambda: self._has_settled(vm, migration))

    def until_ended(self, count: int) -> None:
        """Until so many launchers have ended."""
        self.until(f"{count} launchers ended", lambda: len(self._ended()) >= count)

    def until_released(self, migration: str) -> None:
        """Until nothing holds a migration any more."""
        self.until(f"{migration} released", lambda: not self._metadata(migration).get("finalizers"))

    def until_pods(self, count: int) -> None:
        """Until there are so many launchers, and the VMI says so."""
        self.until(f"{count} launchers", lambda: len(self.history.objects(POD.kind)) == self._told_pods() == count)

    def close_other_nodes(self, vm: str) -> None:
        """Let no pod be scheduled but to the VM's node."""
        home = self._status(VIRTUAL_MACHINE_INSTANCE, vm)["nodeName"]
        for node in self.api.list(NODE):
            if node["metadata"]["name"] != home and WORKER in node["metadata"]["labels"]:
                self._cordon(node["metadata"]["name"], True)

    def _cordon(self, node: str, closed: bool) -> None:
        self.api.patch(NODE, node, {"spec": {"unschedulable": closed or None}})

    def pod_of(self, migration: str) -> str:
        """The name of a migration's target pod."""
        job = self.history.last(MIGRATION.kind, migration)
        assert job
        label = "kubevirt.io/migrationJobUID"
        return next(
            str(pod["metadata"]["name"])
            for pod in self.history.objects(POD.kind)
            if pod["metadata"]["labels"].get(label) == job.uid
        )

    def clear(self) -> None:
        """Remove all that was applied, and open all nodes."""
        for node in self.api.list(NODE):
            self._cordon(node["metadata"]["name"], False)
        for item in self._manifests:
            kind = next(kind for kind in KINDS if kind.kind == item["kind"])
            self.api.delete(kind, item["metadata"]["name"], SPACE if kind.namespaced else None)
        self.until("all gone", lambda: not any(self.history.objects(kind.kind) for kind in (VIRTUAL_MACHINE, POD)))

    def _is_ready(self, vm: str) -> bool:
        machine, instance = self._status(VIRTUAL_MACHINE, vm), self._status(VIRTUAL_MACHINE_INSTANCE, vm)
        told = [
            {item["type"]: item["status"] for item in status.get("conditions", [])} for status in (machine, instance)
        ]
        return all(found.get("Ready") == found.get("LiveMigratable") == "True" for found in told)

    def _has_settled(self, vm: str, migration: str) -> bool:
        job = self.history.last(MIGRATION.kind, migration)
        vmi = self.history.find(VIRTUAL_MACHINE_INSTANCE.kind, vm)
        machine = self._status(VIRTUAL_MACHINE, vm)
        if job is None or vmi is None or not (job.deleted or not job.object["metadata"].get("finalizers")):
            return False
        at_rest = TARGET_LABEL not in vmi["metadata"]["labels"] and "launcherContainerImageVersion" in vmi["status"]
        return at_rest and machine["printableStatus"] == "Running" and self._is_ready(vm)

    def _ended(self) -> list[Object]:
        pods = self.history.objects(POD.kind)
        return [pod for pod in pods if pod["status"].get("phase") in ("Succeeded", "Failed")]

    def _told_pods(self) -> int:
        return sum(
            len(vmi["status"].get("activePods", {})) for vmi in self.history.objects(VIRTUAL_MACHINE_INSTANCE.kind)
        )

    def _state(self, vm: str) -> Object:
        state: Object = self._status(VIRTUAL_MACHINE_INSTANCE, vm).get("migrationState", {})
        return state

    def _metadata(self, migration: str) -> Object:
        metadata: Object = (self.history.find(MIGRATION.kind, migration) or {}).get("metadata", {})
        return metadata

    def _status(self, kind: Kind, name: str) -> Object:
        status: Object = (self.history.find(kind.kind, name) or {}).get("status", {})
        return status
