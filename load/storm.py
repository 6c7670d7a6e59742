"""Many VMs that all have to leave one node, as when it is drained; the node itself is left alone."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.fixtures import Cluster, Refused, Stage, VirtualMachine, VirtualMachines, storm
from seatrial.fixtures.kinds import POD, Object
from seatrial.fixtures.vmspec import Change, prefer

WANTED = 20
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True)
class Limits:
    """How many migrations may be under way at once."""

    cluster: int
    node: int

    @classmethod
    def of(cls, cluster: Cluster) -> Limits:
        configuration = cluster.kubevirt()["spec"].get("configuration") or {}
        migrations = configuration.get("migrations") or {}
        return cls(
            int(migrations.get("parallelMigrationsPerCluster") or 5),
            int(migrations.get("parallelOutboundMigrationsPerNode") or 2),
        )


def gather(stage: Stage, vms: VirtualMachines) -> list[VirtualMachine]:
    """Running VMs, on one node as far as it has room; as many as wanted, or as the nodes bear."""
    return storm.gather(stage, vms, WANTED, _movable(stage.cluster.migration_nodes[0]))


def evict(stage: Stage, vm: VirtualMachine) -> Refused | None:
    """Ask for the eviction of a VM's pod, as a drain does; gives the refusal, with which KubeVirt begins to move it."""
    name = vm.active_pod()["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": vm.namespace}}
    try:
        stage.api.post_subresource(POD, name, vm.namespace, "eviction", body)
    except Refused as refused:
        if refused.throttled:
            raise
        return refused
    return None


def _movable(node: str) -> Change:
    """Change a VM so that it starts on a node, if that has room, and migrates where it is evicted."""

    def change(spec: Object) -> None:
        spec["evictionStrategy"] = "LiveMigrate"
        prefer(node)(spec)

    return change
