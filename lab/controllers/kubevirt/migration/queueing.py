"""When a Pending migration may go on: its turn after failures, and a place among those that run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ....kube import Object
from .. import names
from ..clusterconfig import ClusterConfig
from ..objects import annotations_of, created, is_deleting, is_final, phase, phase_time, status, uid

NOT_RUNNING = ("", "Pending", "Succeeded", "Failed", "WaitingForSync", "Synchronizing")
BACKOFF_BASE = timedelta(seconds=20)
KEPT_FINISHED = 5
PRIORITIES = {"system-critical": 100, "user-triggered": 50, "system-maintenance": 20}
WAIT_FOR_SLOT = 5.0


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


def has_slot(migration: Object, running: Iterable[Object], nodes: dict[str, str], config: ClusterConfig) -> bool:
    """Whether cluster and source node have room. `nodes` is the node of each VMI, by `namespace/name`."""
    others = [item for item in running if uid(item) != uid(migration)]
    if len(others) >= config.parallel_per_cluster:
        return False
    node = nodes.get(vmi_key(migration))
    outbound = [item for item in others if nodes.get(vmi_key(item)) == node]
    return len(outbound) < config.parallel_per_node


def vmi_key(migration: Object) -> str:
    return f"{migration['metadata']['namespace']}/{migration['spec']['vmiName']}"


def retry_after(migration: Object, config: ClusterConfig) -> float:
    """Seconds until a migration without a slot looks again."""
    if not config.priority_queue:
        return WAIT_FOR_SLOT
    rank = priority(migration)
    return 1.0 if rank >= 100 else 3.0 if rank >= 50 else WAIT_FOR_SLOT


def priority(migration: Object) -> int:
    return PRIORITIES.get(migration["spec"].get("priority", ""), 0)


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
