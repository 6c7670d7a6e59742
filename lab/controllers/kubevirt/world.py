"""What virt-controller's controllers share: one connection, one cache a kind, and the cluster's configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from ... import kinds
from ...defects import Defects
from ...events import Recorder
from ...informer import Index, Informer, Key, owner_of
from ...kube import Kube, Object
from ...pace import Pace
from ...release import Release
from .clusterconfig import ClusterConfig, read_config
from .names import JOB_NAME, JOB_UID
from .objects import annotations_of, labels, phase, uid

COMPONENT = "virtualmachine-controller"
LAUNCHERS = "kubevirt.io=virt-launcher"


class World:
    """The cluster as virt-controller sees it."""

    def __init__(
        self, kube: Kube, release: Release, pace: Pace, defects: Defects, log: Callable[[str], None] = lambda text: None
    ) -> None:
        self.kube, self.release, self.pace, self.defects, self._log = kube, release, pace, defects, log
        self.events = Recorder(kube, COMPONENT)
        self.vms = Informer(kube, kinds.VIRTUAL_MACHINE)
        self.vmis = Informer(kube, kinds.VIRTUAL_MACHINE_INSTANCE)
        self.migrations = Informer(kube, kinds.MIGRATION)
        self.policies = Informer(kube, kinds.MIGRATION_POLICY)
        self.kubevirts = Informer(kube, kinds.KUBEVIRT)
        self.launchers = Informer(kube, kinds.POD, labels=LAUNCHERS)
        self.nodes = Informer(kube, kinds.NODE)
        self.namespaces = Informer(kube, kinds.NAMESPACE)
        self.claims = Informer(kube, kinds.PERSISTENT_VOLUME_CLAIM)
        self.quotas = Informer(kube, kinds.RESOURCE_QUOTA)
        self.budgets = Informer(kube, kinds.POD_DISRUPTION_BUDGET)
        self._launchers_by_owner = Index(self.launchers, _controllers)
        self._budgets_by_owner = Index(self.budgets, _controllers)
        self._migrations_by_vmi = Index(self.migrations, _vmi)
        self._read: tuple[Object | None, ClusterConfig] | None = None
        self._targets: dict[str, Key] = {}
        self.launchers.on_change(self._launcher_changed)

    def tell(self, obj: Object, text: str) -> None:
        """Write a line about an object into virt-controller's log, in KubeVirt's form."""
        about = {key: obj["metadata"].get(key, "") for key in ("name", "namespace", "uid")}
        line = {"component": "virt-controller", "kind": "", "level": "info", "msg": text, **about}
        self._log(json.dumps({**line, "timestamp": datetime.now(UTC).isoformat()}))

    def informers(self) -> list[Informer]:
        return [item for item in vars(self).values() if isinstance(item, Informer)]

    def config(self) -> ClusterConfig:
        """The configuration in force now."""
        kubevirt = next(iter(self.kubevirts.items()), None)
        if self._read is None or self._read[0] is not kubevirt:
            self._read = kubevirt, read_config(kubevirt, self.release)
        return self._read[1]

    def pods_of(self, vmi: Object) -> list[Object]:
        """Every launcher pod that the VMI controls, ended ones included."""
        return self._launchers_by_owner.of(uid(vmi))

    def budgets_of(self, vmi: Object) -> list[Object]:
        return self._budgets_by_owner.of(uid(vmi))

    def migrations_of(self, namespace: str, vmi_name: str) -> list[Object]:
        return self._migrations_by_vmi.of(f"{namespace}/{vmi_name}")

    def _launcher_changed(self, event: str, pod: Object) -> None:
        """Note a new target pod: those of migrations that are beyond Pending are dropped when next asked for."""
        job = labels(pod).get(JOB_UID, "")
        if event == "DELETED":
            self._targets.pop(job, None)
        elif event == "ADDED" and job:
            self._targets[job] = pod["metadata"]["namespace"], annotations_of(pod).get(JOB_NAME, "")

    def pending_with_target(self) -> list[Object]:
        """Pending migrations whose target pod has been made: few at any time, however many wait."""
        found = {job: self.migrations.get(*key) for job, key in self._targets.items()}
        kept = {
            job: item for job, item in found.items() if item and uid(item) == job and phase(item) in ("", "Pending")
        }
        self._targets = {job: self._targets[job] for job in kept}
        return list(kept.values())

    def owner_vmi(self, obj: Object) -> Object | None:
        """The VMI that controls a pod or a PodDisruptionBudget, when it still exists."""
        owner = owner_of(obj)
        if owner is None or owner["kind"] != "VirtualMachineInstance":
            return None
        vmi = self.vmis.get(obj["metadata"].get("namespace", ""), owner["name"])
        return vmi if vmi and uid(vmi) == owner["uid"] else None


def _vmi(migration: Object) -> list[str]:
    return [f"{migration['metadata']['namespace']}/{migration['spec'].get('vmiName', '')}"]


def _controllers(obj: Object) -> list[str]:
    """The uid of the owner that controls the object."""
    owner = owner_of(obj)
    return [owner["uid"]] if owner else []
