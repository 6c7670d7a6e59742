"""What the defects of `lab/defects/limits.py` make of counting and of the order; the controller is free of them."""

from __future__ import annotations

from collections.abc import Iterable

from ....defects import Defects
from ....defects.chaos import FULL_QUOTA_ENDS_MIGRATIONS
from ....defects.limits import (
    CLUSTER_LIMIT_IGNORED,
    LIMITS_ARE_DEFAULTS,
    LONG_QUEUE_LOSES,
    NODE_LIMIT_IGNORED,
    ONE_TOO_MANY,
    ONLY_THE_SENDING_COUNT,
    PRIORITIES_IGNORED,
    PRIORITIES_REVERSED,
    WAITS_FOR_IDLE_NODE,
)
from ....kube import Object
from ..clusterconfig import ClusterConfig
from ..objects import is_deleting, is_final, phase, status
from ..world import World
from . import queueing
from .queueing import Limits

UNLIMITED = 1_000_000
LONG = 24
"""Migrations in a queue that is long."""


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


class Unfair:
    """Who that has waited does not get its turn."""

    def __init__(self, world: World) -> None:
        self._world, self._defects = world, world.defects
        self._waited: set[str] = set()
        self._lost: set[str] = set()

    def waits(self, uid: str) -> None:
        """A migration is told to wait."""
        self._waited.add(uid)
        if self._defects.on(LONG_QUEUE_LOSES):
            self._waited &= {item["metadata"]["uid"] for item in self._world.migrations.items()}
            self._lost |= {uid} if len(self._waited) > LONG else set()

    def passes_over(self, uid: str, leaving: int) -> str | None:
        """Why a migration has to wait although there is room; so many others are leaving its node."""
        if uid in self._lost:
            return "it is lost."
        if self._defects.on(WAITS_FOR_IDLE_NODE) and uid in self._waited and leaving:
            return "its node is not idle."
        self._waited.discard(uid)
        return None


def ended_by_quota(world: World, migration: Object) -> bool:
    """Whether a migration ends since its namespace has no room for another pod."""
    if not world.defects.on(FULL_QUOTA_ENDS_MIGRATIONS) or is_final(migration) or is_deleting(migration):
        return False
    states = [status(quota) for quota in world.quotas.items(migration["metadata"]["namespace"])]
    counted = [state for state in states if "pods" in state.get("used", {})]
    return any(int(state["used"]["pods"]) >= int(state["hard"]["pods"]) for state in counted)


def rank(migration: Object | None, config: ClusterConfig, defects: Defects) -> int:
    """The place in the controller's work queue."""
    right = queueing.rank(migration, config)
    if right == queueing.UNDER_WAY or not config.priority_queue:
        return right
    if defects.on(PRIORITIES_IGNORED):
        return 0
    return -right if defects.on(PRIORITIES_REVERSED) else right
