"""What virt-launcher notes of a migration that leaves it: virt-handler copies it into the VMI's migrationState."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class Mode(Enum):
    """How a migration copies memory."""

    PRE_COPY = "PreCopy"
    POST_COPY = "PostCopy"
    PAUSED = "Paused"


class AbortStatus(Enum):
    """How far an abort is."""

    ABORTING = "Aborting"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class MigrationRecord:
    """One migration, as its source knows it. `uid` is the VMIM's."""

    uid: str
    started: datetime
    mode: Mode = Mode.PRE_COPY
    ended: datetime | None = None
    failed: bool = False
    reason: str = ""
    abort: AbortStatus | None = None

    def __str__(self) -> str:
        end = f"failed: {self.reason}" if self.failed else "succeeded" if self.ended else "runs"
        abort = f", abort {self.abort.value}" if self.abort else ""
        return f"{self.uid} {end} ({self.mode.value}{abort})"

    @property
    def succeeded(self) -> bool:
        return self.ended is not None and not self.failed
