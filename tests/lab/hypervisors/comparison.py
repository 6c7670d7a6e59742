"""A recorded migration beside the same one calculated: what may be compared, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .recordings import Recording
from .simulation import Outcome, simulate

BUSY = 0.2
"""Durations say nothing where the recording machine had less than this share of its processors idle."""
MEAN_TOTAL, WORST_TOTAL, WORST_SENT, WORST_PAUSE = 0.08, 0.20, 0.10, 0.030
ROUNDS, MANY_ROUNDS, SHARE_OF_MANY = 1, 20, 0.10
FAULT = "a fault ends or interrupts it; this page is about migrations that are left alone"
LEFT_OUT = {
    **dict.fromkeys(("kill-", "link-", "nft-", "postcopy-linkdown", "postcopy-reset"), FAULT),
    "postcopy-preempt": "a connection for urgent pages, which KubeVirt never asks for, is not modelled",
    "xbzrle": "XBZRLE compression, which KubeVirt never asks for, is not modelled",
}


class Counts(Enum):
    """What of a recording is compared."""

    ALL = "everything"
    NO_TIMES = "all but times"


@dataclass(frozen=True)
class Comparison:
    """One recording and what the model makes of it."""

    recording: Recording
    model: Outcome

    @property
    def counts(self) -> Counts:
        return Counts.NO_TIMES if self.recording.idle_processors < BUSY else Counts.ALL

    @property
    def total(self) -> float:
        """By how much the model's total time is off, as a share."""
        return self.model.total / self.recording.total - 1

    @property
    def sent(self) -> float:
        return self.model.sent / self.recording.sent - 1

    @property
    def pauses(self) -> list[float]:
        """By how many seconds: the guest's pause, and what QEMU reports of it."""
        recorded, model = self.recording, self.model
        pairs = ((model.pause, recorded.pause), (model.reported, recorded.reported))
        return [ours - theirs for ours, theirs in pairs if ours is not None and theirs is not None]

    @property
    def rounds_agree(self) -> bool:
        recorded, off = self.recording.rounds, abs(self.model.rounds - self.recording.rounds)
        return off <= (SHARE_OF_MANY * recorded if recorded > MANY_ROUNDS else ROUNDS)

    @property
    def ends_agree(self) -> bool:
        return self.model.converged == self.recording.converged


def left_out(name: str) -> str:
    """Why a recording is not compared; nothing if it is."""
    return next((why for start, why in LEFT_OUT.items() if name.startswith(start)), "")


def compare(recording: Recording) -> Comparison:
    return Comparison(recording, simulate(recording))


def mean_total(comparisons: list[Comparison]) -> float:
    """The mean error of the total time."""
    return sum(abs(comparison.total) for comparison in comparisons) / len(comparisons)
