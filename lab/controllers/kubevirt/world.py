"""What virt-controller's controllers share: one connection, one cache a kind, and the cluster's configuration."""

from __future__ import annotations

from ... import kinds
from ...defects import Defects
from ...events import Recorder
from ...informer import Informer, owner_of
from ...kube import Kube, Object
from ...pace import Pace
from ...release import Release
from .clusterconfig import ClusterConfig, read_config
from .objects import owned_by, uid

COMPONENT = "virtualmachine-controller"
LAUNCHERS = "kubevirt.io=virt-launcher"


class World:
    """The cluster as virt-controller sees it."""

    def __init__(self, kube: Kube, release: Release, pace: Pace, defects: Defects) -> None:
        self.kube, self.release, self.pace, self.defects = kube, release, pace, defects
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

    def informers(self) -> list[Informer]:
        return [item for item in vars(self).values() if isinstance(item, Informer)]

    def config(self) -> ClusterConfig:
        """The configuration in force now."""
        return read_config(next(iter(self.kubevirts.items()), None), self.release)

    def pods_of(self, vmi: Object) -> list[Object]:
        """Every launcher pod that the VMI controls, ended ones included."""
        return [pod for pod in self.launchers.items(vmi["metadata"]["namespace"]) if owned_by(pod, uid(vmi))]

    def migrations_of(self, namespace: str, vmi_name: str) -> list[Object]:
        return [item for item in self.migrations.items(namespace) if item["spec"].get("vmiName") == vmi_name]

    def owner_vmi(self, obj: Object) -> Object | None:
        """The VMI that controls a pod or a PodDisruptionBudget, when it still exists."""
        owner = owner_of(obj)
        if owner is None or owner["kind"] != "VirtualMachineInstance":
            return None
        vmi = self.vmis.get(obj["metadata"].get("namespace", ""), owner["name"])
        return vmi if vmi and uid(vmi) == owner["uid"] else None
