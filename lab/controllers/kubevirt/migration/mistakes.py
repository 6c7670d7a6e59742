"""What the defects of `lab/defects/limits.py` make of counting and of the order; the controller is free of them."""

from __future__ import annotations

from collections.abc import Iterable

from ....defects import Defects
from ....defects.limits import (
    CLUSTER_LIMIT_IGNORED,
    LIMITS_ARE_DEFAULTS,
    NODE_LIMIT_IGNORED,
    ONE_TOO_MANY,
    ONLY_THE_SENDING_COUNT,
    PRIORITIES_IGNORED,
    PRIORITIES_REVERSED,
)
from ....kube import Object
from ..clusterconfig import ClusterConfig
from ..objects import phase
from . import queueing
from .queueing import Limits

UNLIMITED = 1_000_000


def limits(config: ClusterConfig, defects: Defects) -> Limits:
    """The limits that the controller keeps to."""
    kept = Limits.of(config)
    if defects.on(LIMITS_ARE_DEFAULTS):
        defaults = config.release.migration_defaults()
        kept = Limits(defaults["parallelMigrationsPerCluster"], defaults["parallelOutboundMigrationsPerNode"])
    if defects.on(ONE_TOO_MANY):
        kept = Limits(kept.cluster + 1, kept.node + 1)
    cluster = UNLIMITED if defects.on(CLUSTER_LIMIT_IGNORED) else kept.cluster
    return Limits(cluster, UNLIMITED if defects.on(NODE_LIMIT_IGNORED) else kept.node)


def counted(under_way: Iterable[Object], defects: Defects) -> list[Object]:
    """The migrations under way that the controller counts."""
    if defects.on(ONLY_THE_SENDING_COUNT):
        return [migration for migration in under_way if phase(migration) == "Running"]
    return list(under_way)


def rank(migration: Object | None, config: ClusterConfig, defects: Defects) -> int:
    """The place in the controller's work queue."""
    right = queueing.rank(migration, config)
    if right == queueing.UNDER_WAY or not config.priority_queue:
        return right
    if defects.on(PRIORITIES_IGNORED):
        return 0
    return -right if defects.on(PRIORITIES_REVERSED) else right
