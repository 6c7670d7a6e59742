"""The cluster's effective configuration: what the KubeVirt CR says over the defaults of the release."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...kube import Object
from ...release import Release

REGISTRY = "quay.io/kubevirt"
SYSTEM_CRITICAL = "system-critical"
SYSTEM_MAINTENANCE = "system-maintenance"


@dataclass(frozen=True)
class ClusterConfig:
    """One reading of the KubeVirt CR."""

    release: Release
    migrations: dict[str, Any]
    """`spec.configuration.migrations` with every default filled in, as a VMI's `migrationConfiguration` shows it."""
    eviction_strategy: str | None = None
    node_selectors: dict[str, str] = field(default_factory=dict)
    use_emulation: bool = False
    priority_queue: bool = False
    launcher_image: str = ""
    limits_follow_quotas: bool = True
    """Launchers are given the limits that their namespace's ResourceQuota asks for."""
    limited_namespaces: dict[str, Any] | None = None
    """Selects, by its labels, namespaces in which launchers are given a CPU limit."""

    @property
    def parallel_per_cluster(self) -> int:
        return int(self.migrations["parallelMigrationsPerCluster"])

    @property
    def parallel_per_node(self) -> int:
        return int(self.migrations["parallelOutboundMigrationsPerNode"])

    @property
    def match_selinux_level(self) -> bool:
        return bool(self.migrations.get("matchSELinuxLevelOnMigration", True))

    @property
    def drain_taint(self) -> str:
        return str(self.migrations["nodeDrainTaintKey"])


def read_config(kubevirt: Object | None, release: Release) -> ClusterConfig:
    """What holds for a cluster with this KubeVirt CR (None: not there yet, so the defaults)."""
    spec = (kubevirt or {}).get("spec") or {}
    configuration = spec.get("configuration") or {}
    developer = configuration.get("developerConfiguration") or {}
    gates = frozenset(developer.get("featureGates") or ()), frozenset(developer.get("disabledFeatureGates") or ())
    registry, version = spec.get("imageRegistry") or REGISTRY, spec.get("imageTag") or release.version
    return ClusterConfig(
        release=release,
        migrations=effective_migrations(configuration.get("migrations") or {}, release),
        eviction_strategy=configuration.get("evictionStrategy"),
        node_selectors=developer.get("nodeSelectors") or {},
        use_emulation=bool(developer.get("useEmulation")),
        priority_queue=release.gate_is_on("MigrationPriorityQueue", *gates),
        launcher_image=f"{registry}/virt-launcher:{version}",
        limits_follow_quotas=release.gate_is_on("AutoResourceLimitsGate", *gates),
        limited_namespaces=configuration.get("autoCPULimitNamespaceLabelSelector"),
    )


def effective_migrations(asked: dict[str, Any], release: Release) -> dict[str, Any]:
    """The migration knobs in force; those that a release does not know are left out."""
    effective = release.migration_defaults() | asked
    if release.has_workload_disruption:
        effective.setdefault("allowWorkloadDisruption", effective["allowPostCopy"])
    return effective
