"""A guest's memory load: what is asked for, the process that runs it, and what it has got done."""

from __future__ import annotations

import math
import random
from dataclasses import asdict, dataclass, replace
from typing import Any

from .memory import MIB, PAGE, Load, VmMethod

RECENTLY = 1.0
"""The achieved rate is that of so many seconds."""
METHODS = ", ".join(method.value for method in VmMethod)


class BadLoad(ValueError):
    """A load that cannot be run, with the reason."""


def asked(body: Any) -> Load:
    """A load from the body of a request. Raises BadLoad."""
    if not isinstance(body, dict) or (unknown := sorted(set(body) - {"vmBytes", "rate", "vmMethod"})):
        raise BadLoad(f"unknown: {', '.join(unknown)}" if isinstance(body, dict) else "the body is no JSON object")
    size, rate = body.get("vmBytes"), body.get("rate", 0)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise BadLoad("vmBytes is a whole number of MiB, at least 1")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < math.inf:
        raise BadLoad("rate is in MiB/s, 0 for as fast as it can")
    try:
        method = VmMethod(body.get("vmMethod", VmMethod.WRITE64.value))
    except ValueError:
        raise BadLoad(f"vmMethod is one of {METHODS}") from None
    return Load(size * MIB, float(rate) * MIB, method)


@dataclass(frozen=True)
class Workload:
    """A load. `pages` were written since its start, by the guest's clock; `marks` are when it changed pace.

    `first` is when it writes its first page, by the guest's clock; None when its process has ended by itself.
    """

    load: Load
    pid: int
    pages: float = 0.0
    marks: tuple[tuple[float, float], ...] = ()
    first: float | None = 0.0

    @classmethod
    def started(cls, load: Load, now: float, starts: float | None = 0.0) -> Workload:
        """A load whose process takes so many seconds to start, or ends before it has (None)."""
        first = None if starts is None else now + starts
        return cls(load, random.randint(1000, 9999), marks=((now, 0.0),), first=first)

    def writes(self, now: float) -> bool:
        return self.first is not None and now >= self.first

    def lived(self, began: float, seconds: float, share: float) -> Workload:
        """After so many seconds more, from `began` on the guest's clock, with so great a share of a processor."""
        now = began + seconds
        writing = 0.0 if self.first is None else max(0.0, min(seconds, now - self.first))
        pages = self.pages + self.load.speed(share) * writing / PAGE
        older = [mark for mark in self.marks if mark[0] <= now - RECENTLY][-1:]
        recent = [mark for mark in self.marks if mark[0] > now - RECENTLY]
        return replace(self, pages=pages, marks=(*older, *recent, (now, pages)))

    @property
    def achieved(self) -> float:
        """Bytes a second over the last second of the guest's clock."""
        (now, pages), (first, before) = self.marks[-1], self.marks[0]
        since = max(first, now - RECENTLY)
        if now <= since:
            return 0.0
        for (t0, p0), (t1, p1) in zip(self.marks, self.marks[1:], strict=False):
            if t0 <= since < t1:
                before = p0 + (p1 - p0) * (since - t0) / (t1 - t0)
        return (pages - before) * PAGE / (now - since)

    def report(self) -> dict[str, Any]:
        """What the guest tells of it."""
        return {
            "pid": self.pid,
            "vmBytes": self.load.working_set // MIB,
            "rate": _plain(self.load.rate / MIB),
            "vmMethod": self.load.method.value,
            "achievedRate": round(self.achieved / MIB, 3),
            "ops": int(self.pages),
        }

    def written(self) -> dict[str, Any]:
        return {**asdict(self), "load": {**asdict(self.load), "method": self.load.method.value}}

    @classmethod
    def read(cls, written: dict[str, Any]) -> Workload:
        load = {**written["load"], "method": VmMethod(written["load"]["method"])}
        marks = tuple((mark[0], mark[1]) for mark in written["marks"])
        return cls(Load(**load), written["pid"], written["pages"], marks, written["first"])


def _plain(number: float) -> int | float:
    return int(number) if number.is_integer() else number
