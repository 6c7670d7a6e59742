"""The migration configuration that a cluster says it has, and what a policy makes of it."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.fixtures import Cluster, KubeVirtVersion
from seatrial.fixtures.kinds import Object

from .expected import default_configuration

DISRUPTION, POST_COPY = "allowWorkloadDisruption", "allowPostCopy"


@dataclass(frozen=True)
class Limits:
    """How many migrations may be under way at once: in the cluster, and out of one node."""

    cluster: int
    node: int


def in_force(cluster: Cluster) -> Object:
    """What the KubeVirt object says now over the version's defaults, without what it leaves unset."""
    asked = (cluster.kubevirt()["spec"].get("configuration") or {}).get("migrations") or {}
    return _overlaid(default_configuration(cluster.version), asked, cluster.version)


def under(policy: Object, configuration: Object, version: KubeVirtVersion) -> Object:
    """The configuration under a policy's knobs."""
    return _overlaid(configuration, policy, version)


def limits(cluster: Cluster) -> Limits:
    configuration = in_force(cluster)
    per_node = int(configuration["parallelOutboundMigrationsPerNode"])
    return Limits(int(configuration["parallelMigrationsPerCluster"]), per_node)


def _overlaid(base: Object, over: Object, version: KubeVirtVersion) -> Object:
    """allowWorkloadDisruption follows allowPostCopy where only that is said."""
    found = {**base, **over}
    if POST_COPY in over and DISRUPTION not in over and version >= (1, 5):
        found[DISRUPTION] = over[POST_COPY]
    return found
