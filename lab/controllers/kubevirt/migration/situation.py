"""Everything a decision about one migration depends on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ....kube import Object
from ....release import Release
from ..objects import find_condition, holds, is_deleting, is_final, migration_state, phase, phase_time, status, uid

HANDED_OFF = ("PreparingTarget", "TargetReady", "Running")
ABORT_REQUESTED = "migrationAbortRequested"
NEED_NOT_BE_READY = ("compute", "istio-proxy")


@dataclass(frozen=True)
class Situation:
    """One migration, its VMI and their pods at one moment."""

    migration: Object
    vmi: Object
    target: Object | None
    source: Object | None
    now: datetime
    release: Release
    rival: bool = False
    """The VMI's migration state belongs to another migration, which has not ended."""
    handed_off: bool = False
    """The hand-off has been sent, though the caches may not show it yet."""
    over_quota: bool = False
    """The target pod was refused just now, because a ResourceQuota is used up."""
    missing_cpu: str = ""
    """What the target asks of a node's CPU, when no node but the source offers it."""
    utility_volumes_timeout: float = 0.0
    """Seconds a Pending migration waits for utility volumes to be detached; 0 in releases that do not know them."""

    @property
    def key(self) -> tuple[str, str]:
        metadata = self.migration["metadata"]
        return metadata["namespace"], metadata["name"]

    @property
    def phase(self) -> str:
        return phase(self.migration)

    @property
    def state(self) -> dict[str, Any]:
        """The VMI's migration state, whosever it is."""
        return migration_state(self.vmi)

    @property
    def is_mine(self) -> bool:
        """Whether the VMI's migration state is this migration's."""
        return bool(self.state) and self.state.get("migrationUid") == uid(self.migration)

    @property
    def is_handed_off(self) -> bool:
        return self.handed_off or self.is_mine

    @property
    def is_canceled(self) -> bool:
        return is_deleting(self.migration)

    @property
    def target_is_down(self) -> bool:
        return self.target is not None and is_final(self.target)

    @property
    def target_is_ready(self) -> bool:
        return self.target is not None and pod_is_ready(self.target)

    @property
    def has_utility_volumes(self) -> bool:
        """Whether volumes are attached that must go before the VMI may migrate."""
        return self.utility_volumes_timeout > 0 and bool(self.vmi["spec"].get("utilityVolumes"))

    @property
    def waited(self) -> float:
        """Seconds since the migration became Pending."""
        since = phase_time(self.migration, "Pending")
        return (self.now - since).total_seconds() if since else 0.0

    @property
    def vmi_name(self) -> str:
        """As KubeVirt's messages write it."""
        return f"{self.key[0]}/{self.vmi['metadata']['name']}"

    def migration_condition(self, kind: str) -> dict[str, Any] | None:
        return find_condition(status(self.migration).get("conditions") or [], kind)


@dataclass(frozen=True)
class Note:
    """An event to emit about the migration, or about its VMI."""

    type: str
    reason: str
    message: str
    about_vmi: bool = False


def pod_is_ready(pod: Object) -> bool:
    """Whether a target can be handed over: every container ready, and `compute`, which waits for the guest, running."""
    if phase(pod) != "Running" or is_deleting(pod):
        return False
    containers = status(pod).get("containerStatuses", [])
    return bool(containers) and all(_is_up(item) for item in containers)


def pod_is_unschedulable(pod: Object) -> bool:
    conditions = status(pod).get("conditions") or []
    scheduled = find_condition(conditions, "PodScheduled")
    return holds(pod, "PodScheduled", "False") and (scheduled or {}).get("reason") == "Unschedulable"


def _is_up(container: dict[str, Any]) -> bool:
    if container["name"] in NEED_NOT_BE_READY:
        return "running" in (container.get("state") or {})
    return bool(container.get("ready"))
