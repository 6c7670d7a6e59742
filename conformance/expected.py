"""What a migration must leave behind, by KubeVirt version, so that each test states what holds where.

Source: KubeVirt's API types and, for the versions' differences, pkg/virt-handler and pkg/virt-launcher at each tag.
"""

from __future__ import annotations

import re

from seatrial.fixtures import KubeVirtVersion

PHASES = ("Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Succeeded")
"""The phases of a successful migration, in order (VirtualMachineInstanceMigrationPhase)."""

STATE_FIELDS = frozenset(
    {
        "migrationUid",
        "sourceNode",
        "targetNode",
        "sourcePod",
        "targetPod",
        "migrationConfiguration",
        "targetNodeAddress",
        "targetDirectMigrationNodePorts",
        "startTimestamp",
        "endTimestamp",
        "targetNodeDomainDetected",
        "targetNodeDomainReadyTimestamp",
        "mode",
        "completed",
    }
)
"""migrationState of a successful pre-copy migration in all versions."""

FAILURE_FIELDS = frozenset({"failed", "failureReason", "abortRequested", "abortStatus"})
"""Fields that a successful migration must not have."""

LIBVIRT_PORT, DIRECT_PORT, BLOCK_PORT = 0, 49152, 49153
"""What the published ports stand for (targetDirectMigrationNodePorts maps random ports to these)."""

CANCELLED = re.compile(r"abort|canceled by client|cancelled", re.IGNORECASE)
"""failureReason of a cancelled migration, in any version."""


def default_configuration(version: KubeVirtVersion) -> dict[str, object]:
    """migrationConfiguration as a VMI records it when the KubeVirt CR says nothing about migrations."""
    defaults: dict[str, object] = {
        "nodeDrainTaintKey": "kubevirt.io/drain",
        "parallelMigrationsPerCluster": 5,
        "parallelOutboundMigrationsPerNode": 2,
        "allowAutoConverge": False,
        "bandwidthPerMigration": "0",
        "completionTimeoutPerGiB": 150 if version >= (1, 4) else 800,
        "progressTimeout": 150,
        "unsafeMigrationOverride": False,
        "allowPostCopy": False,
    }
    if version >= (1, 5):
        defaults["allowWorkloadDisruption"] = False
    if version >= (1, 8):
        defaults["utilityVolumesTimeout"] = 150
    return defaults


def completed_after_cancel(version: KubeVirtVersion) -> bool:
    """What `completed` says after a cancel in Running; false is told by its absence.

    In 1.8.3 and later 1.8 releases it may also be true when the target had been resumed already.
    """
    return version < (1, 6) or version >= (1, 9)


def admins_may_migrate(version: KubeVirtVersion) -> bool:
    """Up to 1.4 the roles aggregated to a namespace's admin include migration."""
    return version < (1, 5)
