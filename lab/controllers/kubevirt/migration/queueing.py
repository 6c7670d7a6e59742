"""When a Pending migration may go on: its turn after failures, and a place among those that run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ....kube import Object
from .. import names
from ..clusterconfig import ClusterConfig
from ..objects import annotations_of, created, is_deleting, is_final, migration_state, phase, phase_time, status, uid

NOT_RUNNING = ("", "Pending", "Succeeded", "Failed", "WaitingForSync", "Synchronizing")
BACKOFF_BASE = timedelta(seconds=20)
KEPT_FINISHED = 5
PRIORITIES = {"system-critical": 100, "user-triggered": 50, "system-maintenance": 20}
UNDER_WAY, HELD_BACK = 1000, -100
WAIT_FOR_SLOT = 5.0


@dataclass(frozen=True)
class Limits:
    """How many migrations may be under way at once: in the cluster, and out of one node."""

    cluster: int
    node: int

    @classmethod
    def of(cls, config: ClusterConfig) -> Limits:
        return cls(config.parallel_per_cluster, config.parallel_per_node)


def is_running(migration: Object) -> bool:
    """Whether it counts against the limits by its phase."""
    return phase(migration) not in NOT_RUNNING


def backoff(migration: Object, siblings: Iterable[Object], now: datetime) -> float:
    """Seconds that an automatic migration still has to wait, because others of its VMI have failed."""
    if not _is_automatic(migration) or names.IGNORE_BACKOFF in annotations_of(migration):
        return 0.0
    newest_first = sorted((item for item in siblings if _is_automatic(item)), key=created, reverse=True)
    if newest_first and uid(newest_first[0]) != uid(migration) and created(newest_first[0]) > created(migration):
        return 0.0
    failures, last = _failures_in_a_row(item for item in newest_first if uid(item) != uid(migration))
    if last is None:
        return 0.0
    wait = (last - now).total_seconds() + BACKOFF_BASE.total_seconds() * 2 ** (failures - 1)
    return float(max(wait, 0.0))


def _failures_in_a_row(newest_first: Iterable[Object]) -> tuple[int, datetime | None]:
    failures, last = 0, None
    for item in newest_first:
        if is_deleting(item):
            continue
        if phase(item) != "Failed":
            break
        failures += 1
        last = last or phase_time(item, "Failed")
    return failures, last


def held_back_by(node: str, running: Iterable[Object], limits: Limits, counts_source: bool) -> str | None:
    """Which limit keeps a VMI of this node from being migrated, in KubeVirt's words; None when there is room.

    `running` are the VMIs of the other migrations under way. `counts_source`: a VMI counts as leaving its migration's
    source as well as the node that it is on, which makes a difference once it has arrived.
    """
    others = list(running)
    if len(others) >= limits.cluster:
        return f"total running parallel migration count [{len(others)}] is currently at the global cluster limit."
    outbound = sum(_leaves(vmi, node, counts_source) for vmi in others)
    if outbound >= limits.node:
        counted = f"total running parallel outbound migrations on target node [{outbound}]"
        return f"{counted} has hit outbound migrations per node limit."
    return None


def _leaves(vmi: Object, node: str, counts_source: bool) -> bool:
    return status(vmi).get("nodeName") == node or (counts_source and migration_state(vmi).get("sourceNode") == node)


def vmi_key(migration: Object) -> str:
    return f"{migration['metadata']['namespace']}/{migration['spec']['vmiName']}"


def retry_after(rank: int) -> float:
    """Seconds until a migration without a slot looks again: the most urgent soonest."""
    return 1.0 if rank >= 100 else 3.0 if rank >= 50 else WAIT_FOR_SLOT


def priority(migration: Object) -> int:
    return PRIORITIES.get(migration["spec"].get("priority", ""), 0)


def rank(migration: Object | None, config: ClusterConfig) -> int:
    """The place of a migration in the controller's work queue."""
    if migration is None or not config.release.has_ranked_queue:
        return 0
    if is_running(migration):
        return UNDER_WAY
    if config.priority_queue:
        return priority(migration)
    return HELD_BACK if phase(migration) == "Pending" else 0


def surplus(migrations: Iterable[Object]) -> list[Object]:
    """The finished migrations of one VMI that are too many: the oldest beyond five."""
    finished = [item for item in migrations if is_final(item) and not is_deleting(item)]
    finished.sort(key=_age_order)
    return finished[:-KEPT_FINISHED]


def active(pods: Iterable[Object]) -> list[Object]:
    """Pods of a VMI that have not ended."""
    return [pod for pod in pods if not is_final(pod)]


def nodes_of(vmis: Iterable[Object]) -> dict[str, str]:
    return {
        f"{vmi['metadata']['namespace']}/{vmi['metadata']['name']}": status(vmi).get("nodeName", "") for vmi in vmis
    }


def _is_automatic(migration: Object) -> bool:
    marks: dict[str, Any] = annotations_of(migration)
    return names.EVACUATION_MIGRATION in marks or names.WORKLOAD_UPDATE_MIGRATION in marks


def _age_order(migration: Object) -> tuple[str, int]:
    metadata = migration["metadata"]
    return metadata["creationTimestamp"], int(metadata["resourceVersion"])
