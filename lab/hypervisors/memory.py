"""A guest's memory as a migration sees it: how much is not zero, and how much a workload has dirtied."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum

MIB = 1 << 20
PAGE = 4096
HOT, HOT_SECONDS = 1 * MIB, 0.25
"""What an idle guest's own kernel keeps rewriting, and within how many seconds (measured on QEMU)."""
IDLE, IDLE_SHARE, IDLE_MOST = 60 * MIB, 0.03, 0.85
"""What an idle Linux guest has touched: 62 MiB of 80, 64 of 128, 68 of 256 (measured on QEMU)."""
TOP, ZEROS_AMONG = 6.5 * MIB, 0.35
"""A Linux guest's free memory is one run of zeros below its top; what is in use has a third of its size of them."""
SPEED = 600.0 * MIB
"""How fast one processor can dirty clean pages while they are tracked: the first write to each of them faults, which
takes 6.6 µs. Recorded as 6 MiB in the 10 ms that a guest throttled by 99 % is given each second."""


class VmMethod(Enum):
    """How a workload walks its memory, by stress-ng's names."""

    WRITE64 = "write64"
    """In order, with words that are not zero."""
    PRIME_INCDEC = "prime-incdec"
    """In scattered order."""
    ZERO_ONE = "zero-one"
    """In order, zeros and ones by turns."""


@dataclass(frozen=True)
class Load:
    """A workload that rewrites `working_set` bytes at `rate` bytes a second, 0 for as fast as it can."""

    working_set: int
    rate: float
    method: VmMethod = VmMethod.WRITE64

    @property
    def scattered(self) -> bool:
        return self.method is VmMethod.PRIME_INCDEC

    @property
    def saturates(self) -> bool:
        """Whether it never sleeps, and so competes for the processor with all else in the guest."""
        return not self.rate

    @property
    def density(self) -> float:
        """The share of its pages that is not zero at any moment."""
        return 0.5 if self.method is VmMethod.ZERO_ONE else 1.0

    def speed(self, share: float = 1.0) -> float:
        """Bytes it writes a second with so great a share of its processor. What it sleeps through it catches up on."""
        fastest = SPEED * share
        return min(self.rate, fastest) if self.rate else fastest

    def covered(self, written: float) -> float:
        """Bytes that differ from before after so many were written."""
        if self.scattered and self.working_set:
            return self.working_set * (1 - math.exp(-written / self.working_set))
        return min(self.working_set, written)


@dataclass(frozen=True)
class Stretch:
    """Memory that lies together: `density` is the share of it that is not zero."""

    size: float
    density: float
    fresh: bool = False
    """Whether it was never sent before."""

    def shorter(self, by: float) -> Stretch:
        return replace(self, size=self.size - by)


@dataclass(frozen=True)
class Memory:
    """Guest memory of `size` bytes. `counted` says how much of it is not zero where that is known."""

    size: int
    load: Load | None = None
    counted: int | None = None

    @property
    def idle(self) -> int:
        """Bytes that are not zero without the load."""
        return int(min(IDLE_MOST * self.size, IDLE + IDLE_SHARE * self.size))

    @property
    def touched(self) -> int:
        """Bytes that are not zero."""
        if self.counted is not None:
            return self.counted
        return min(self.size, self.idle + int(self.load.working_set * self.load.density if self.load else 0))

    @property
    def rewritten(self) -> int:
        """Bytes that are ever rewritten."""
        return min(self.size, HOT + (self.load.working_set if self.load else 0))

    def layout(self) -> list[Stretch]:
        """What the first pass comes across: what is in use with some zeros in it, free memory, what lies at the top."""
        top = min(TOP, self.touched)
        used = self.touched - top
        zeros = self.size - self.touched
        among = min(zeros, ZEROS_AMONG * used)
        stretches = (
            Stretch(used + among, used / max(1.0, used + among)),
            Stretch(zeros - among, 0.0),
            Stretch(top, 1.0),
        )
        return [replace(stretch, fresh=True) for stretch in stretches if stretch.size >= 1]

    def dirtied(self, written: Written) -> float:
        """Bytes of the working set that differ from before."""
        return self.load.covered(written.load) if self.load else 0.0


@dataclass(frozen=True)
class Written:
    """What a guest has done since its dirty bitmap was read: seconds that it had its processor, bytes of its load."""

    active: float = 0.0
    load: float = 0.0

    @property
    def hot(self) -> float:
        """Bytes that the guest's own kernel has rewritten."""
        return HOT * (1 - math.exp(-self.active / HOT_SECONDS))

    def lived(self, seconds: float, share: float, load: Load | None) -> Written:
        """After so many seconds more with so great a share of the processor."""
        more = load.speed(share) * seconds if load else 0.0
        return Written(self.active + seconds * share, self.load + more)
