"""The recorded migrations: which files tell of which VM and which migration, and how each ended."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from seatrial.fixtures.history import History

from .chronicle import Chronicle, chronicle
from .story import story_of

CAPTURES = Path(__file__).parents[4] / "shared" / "captures"
"""Recordings of KubeVirt v1.8.4, beside the checkout."""
SUCCEEDED, CANCELLED = "succeeded", "cancelled"


@dataclass(frozen=True)
class Recording:
    """One migration in a file."""

    file: str
    vm: str
    migration: str
    end: str
    short: bool = False
    """The recording ends while the target pod does, which is looked at until the migration had failed."""

    def chronicle(self) -> Chronicle:
        return _chronicle(self)


MIGRATE_SUCCEEDED = Recording("migrate-succeeded", "vm1", "mig2", SUCCEEDED)
CANCEL_WHILE_RUNNING = Recording("cancel-while-running", "vmslow", "mcancel", CANCELLED)
RWX_VOLUME = Recording("rwx-volume", "vmrwx", "mrwx", SUCCEEDED)
TARGET_POD_REMOVED = Recording("target-pod-deleted", "vm20", "m20", "target pod removed")
TARGET_UNSCHEDULABLE = Recording("target-unschedulable-and-cancel", "vm1", "munsched", "target unschedulable")
CANCELLED_WHILE_SCHEDULING = Recording("target-unschedulable-and-cancel", "vm1", "mcs", "cancelled while scheduling")
POST_COPY = Recording("post-copy", "vm18", "m18", "succeeded by post-copy")
PAUSED = Recording("paused-by-workload-disruption", "vm19", "m19", "succeeded while paused")
TIMED_OUT = Recording("completion-timeout", "vm17", "m17", "timed out", short=True)
RECORDINGS = (
    MIGRATE_SUCCEEDED,
    CANCEL_WHILE_RUNNING,
    RWX_VOLUME,
    TARGET_POD_REMOVED,
    TARGET_UNSCHEDULABLE,
    CANCELLED_WHILE_SCHEDULING,
    Recording("target-pod-deleted", "vm20", "m20b", "VM stopped"),
    Recording("refusals", "vm1", "w2", SUCCEEDED),
    Recording("refusals", "vm1", "kubevirt-migrate-vm-6ksh4", SUCCEEDED),
    POST_COPY,
    PAUSED,
    TIMED_OUT,
)


def peers(recording: Recording) -> list[Chronicle]:
    """Other recordings of migrations that ended the same way."""
    return [other.chronicle() for other in RECORDINGS if other != recording and other.end == recording.end]


def others(recording: Recording) -> list[Chronicle]:
    return [other.chronicle() for other in RECORDINGS if other != recording]


@cache
def _chronicle(recording: Recording) -> Chronicle:
    history = History.read(CAPTURES / recording.file / "watch.jsonl")
    return chronicle(story_of(history, recording.vm, recording.migration, short=recording.short))
