"""When a running migration is helped along or given up: the decisions of virt-launcher's migration monitor, in order.

Sources: live-migration-source.go of KubeVirt 1.3 to 1.9; the order matters, since several limits can be passed at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from ...hypervisors.interface import JobStats
from ...hypervisors.offer import Offer, offer_of
from ...kube import Object
from ...resources import amount
from .record import Mode

GB = 10**9
EPHEMERAL_DISK = 200 * 1024
"""An ephemeral disk holds what the guest has written to it: next to nothing."""
LOCAL_DISKS = ("containerDisk", "ephemeral", "emptyDisk")


class Step(Enum):
    """What to do after a look at the migration."""

    GO_ON = "go on"
    POST_COPY = "switch to post-copy"
    PAUSE = "pause the guest"
    SWITCH = "permit the longest pause that is configured"
    FORCE = "permit any pause"
    STUCK = "abort: it gets nowhere"
    LATE = "abort: it takes too long"


class Judge(Protocol):
    """Decides after each look. `elapsed` is in seconds since the migration's start."""

    def judge(self, elapsed: float, stats: JobStats, mode: Mode) -> Step: ...

    def taken(self, step: Step, elapsed: float) -> None:
        """What was decided has been done; libvirt can also refuse, and then the next look decides anew."""

    def reason(self, step: Step) -> str:
        """Why an abort was decided."""


@dataclass(frozen=True)
class Limits:
    """What a migration may take: whole seconds, 0 for no limit."""

    acceptable: int
    progress: int
    post_copy: bool
    disruption: bool

    @classmethod
    def of(cls, vmi: Object) -> Limits:
        """By the configuration that the migration was handed over with."""
        configuration = vmi["status"]["migrationState"].get("migrationConfiguration") or {}
        post_copy = bool(configuration.get("allowPostCopy"))
        per_gb = int(configuration.get("completionTimeoutPerGiB") or 0)
        return cls(
            acceptable=per_gb * data_size(vmi),
            progress=int(configuration.get("progressTimeout") or 0),
            post_copy=post_copy,
            disruption=bool(configuration.get("allowWorkloadDisruption", post_copy)),
        )


def guest_memory(vmi: Object) -> int:
    """Bytes of memory the guest has: what it asks for, else what its pod requests."""
    domain = vmi["spec"]["domain"]
    asked = (domain.get("memory") or {}).get("guest")
    resources: Mapping[str, Any] = domain.get("resources") or {}
    requested = (resources.get("requests") or resources.get("limits") or {}).get("memory")
    return int(amount(asked or requested or 0))


def guest_offer(vmi: Object) -> Offer:
    """What the guest offers to those who ask it, by the image that it boots from."""
    disks = (volume.get("containerDisk", {}).get("image", "") for volume in vmi["spec"].get("volumes") or ())
    return next((offer for offer in map(offer_of, disks) if offer is not Offer.ALL), Offer.ALL)


def local_disks(vmi: Object) -> int:
    """Bytes of disks that are nowhere but on the VMI's node, and so have to be copied."""
    if vmi["status"].get("migrationMethod") != "BlockMigration":
        return 0
    volumes = vmi["spec"].get("volumes") or []
    return EPHEMERAL_DISK * sum(any(kind in volume for kind in LOCAL_DISKS) for volume in volumes)


def data_size(vmi: Object) -> int:
    """How much there is to move, in decimal gigabytes rounded up; anything at all counts as one."""
    total = guest_memory(vmi) + local_disks(vmi)
    for volume in vmi["status"].get("migratedVolumes") or []:
        source = volume.get("sourcePVCInfo") or {}
        total += int(amount((source.get("requests") or source.get("capacity") or {}).get("storage", 0)))
    return math.ceil(total / GB)


class Monitor:
    """The decisions by time-outs, as in all versions."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.acceptable = limits.acceptable
        self._progressed_at = 0.0
        self._stuck_for = 0
        self._last = 0

    def judge(self, elapsed: float, stats: JobStats, mode: Mode) -> Step:
        self._note_progress(elapsed, stats.remaining)
        if mode is Mode.POST_COPY:
            return Step.GO_ON
        late = bool(self.acceptable) and int(elapsed) > self.acceptable
        if late and self.limits.disruption and mode is not Mode.PAUSED:
            return Step.POST_COPY if self.limits.post_copy else Step.PAUSE
        if self.limits.progress and self._stuck_for > self.limits.progress:
            return Step.STUCK
        return Step.LATE if late else Step.GO_ON

    def _note_progress(self, elapsed: float, remaining: int) -> None:
        """Less than at the last look is progress; so is anything after nothing, and so the first look."""
        if not self._last or remaining < self._last:
            self._progressed_at = elapsed
        self._last = remaining
        self._stuck_for = int(elapsed - self._progressed_at)

    def taken(self, step: Step, elapsed: float) -> None:
        """A guest that was paused so that its migration ends gets as much time again."""
        if step is Step.PAUSE:
            self.acceptable *= 2

    def reason(self, step: Step) -> str:
        if step is Step.STUCK:
            return f"Live migration stuck for {self._stuck_for} seconds and has been aborted"
        return f"Live migration is not completed after {self.acceptable} seconds and has been aborted"
