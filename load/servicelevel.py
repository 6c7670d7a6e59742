"""What users may be made to feel of a migration, and whether they were.

The bounds are meant for an ordinary cluster with VMs behind masquerade, whose connections end with the switch-over:

- Nobody is answered for at most 5 s. OpenShift Virtualization's and OpenStack's own suites allow as much; about one
  second is usual, most of it the time in which the Service learns of the new pod.
- A request that is sent 2 s after the migration's end gets through: kube-proxy gathers changes for a second.
- Afterwards the guest answers as before: at the median within twice the time and 0.1 s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from seatrial.fixtures import check

from .moves import Move
from .samples import VISIT, WRONG, Level, Sample, level_of, longest_silence, losses_by_kind, of_kind

LONGEST_SILENCE = 5.0
GRACE = 2.0
SLOWER_BY = 2.0
SLOWER_BY_MS = 100.0


@dataclass(frozen=True)
class ServiceLevel:
    """What the users of some guests were given while these migrated."""

    samples: Sequence[Sample]
    moves: Sequence[Move]

    @cached_property
    def parts(self) -> dict[str, list[Sample]]:
        """The requests before, during and after the migrations of their own guests."""
        found: dict[str, list[Sample]] = {"before": [], "moving": [], "after": []}
        for sample in self.samples:
            found[self._part(sample)].append(sample)
        return found

    def levels(self, kind: str) -> dict[str, Level]:
        return {part: level_of(of_kind(samples, kind)) for part, samples in self.parts.items()}

    @cached_property
    def silences(self) -> list[float]:
        """For each migration the seconds in which none of its guest's users was answered."""
        return [self._silence(move) for move in self.moves]

    def check(self) -> None:
        """Raise a Finding for the first bound that does not hold."""
        self.check_losses()
        self.check_silence()
        self.check_speed()

    def check_losses(self) -> None:
        """Requests are lost at a switch-over and at no other time."""
        elsewhere = [sample for sample in self.samples if sample.lost and not self._excused(sample)]
        told = "; ".join(self._told(sample) for sample in elsewhere[:5])
        seen = f"{len(elsewhere)} of {len(self.samples)} ({losses_by_kind(elsewhere)}): {told}" if elsewhere else 0
        wrong = any(sample.outcome in WRONG for sample in elsewhere)
        what = f"requests lost outside of migrations (until {GRACE:g} s after their ends), or answered wrongly"
        check(what, 0, seen, timed=not wrong)

    def check_silence(self) -> None:
        longest = max(self.silences, default=0.0)
        told = f"{longest:.2f} s"
        most = f"{LONGEST_SILENCE:g} s at most"
        check("how long nobody was answered", most, told, longest <= LONGEST_SILENCE, timed=True)

    def check_speed(self) -> None:
        levels = self.levels(VISIT)
        before, after = levels["before"].median, levels["after"].median
        if before is None or after is None:
            check("requests answered before and after the migration", "some", levels, holds=False)
            return
        limit = before * SLOWER_BY + SLOWER_BY_MS
        most = f"{limit:.0f} ms at most"
        check(f"median of {VISIT} after the migration", most, f"{after:.0f} ms", after <= limit, timed=True)

    def _silence(self, move: Move) -> float:
        asked = [sample for sample in self.samples if sample.target == move.target]
        began = max(move.began - GRACE, min((sample.sent for sample in asked), default=0.0))
        ended = min(move.ended + GRACE, max((sample.ended for sample in asked), default=0.0))
        return longest_silence(asked, began, ended) if began < ended else move.ended - move.began

    def _own(self, sample: Sample) -> list[Move]:
        return [move for move in self.moves if move.target == sample.target]

    def _part(self, sample: Sample) -> str:
        own = self._own(sample)
        if not own or sample.ended < min(move.began for move in own):
            return "before"
        return "after" if sample.sent > max(move.ended for move in own) + GRACE else "moving"

    def _excused(self, sample: Sample) -> bool:
        if sample.outcome in WRONG:
            return False
        return any(sample.ended >= move.began and sample.sent <= move.ended + GRACE for move in self._own(sample))

    def _told(self, sample: Sample) -> str:
        return f"{sample.kind} {sample.outcome} at {sample.sent:.2f} s"
