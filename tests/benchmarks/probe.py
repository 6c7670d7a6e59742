"""The probe's own error: blackouts of a known length, measured from outside as in the suites.

A service on loopback, which is in a process of its own and says itself for how long it was away, is cut while
`fixtures.blackout.Probe` asks it. On loopback an answer takes no time, so that what is left is the probe's.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from seatrial.fixtures.blackout import Blackout, Probe
from seatrial.fixtures.probe import INTERVAL
from seatrial.fixtures.route import Route

from .cuts import FROZEN, GONE

LENGTHS = (20, 50, 200, 1000)
TIMES = 11
AROUND = 0.15
"""Seconds of probing before and after a cut."""


@dataclass(frozen=True)
class Cut:
    """One interruption, in milliseconds: as it was, as it was measured, and by how much that is said to be wrong."""

    true: float
    measured: float
    said: float

    @property
    def error(self) -> float:
        return self.measured - self.true


class Service:
    """The process that is cut."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._line())

    def cut(self, how: str, milliseconds: int) -> float:
        """Have it cut; for how many milliseconds it was."""
        assert self._process.stdin
        print(how, milliseconds, file=self._process.stdin, flush=True)
        began, ended = json.loads(self._line())
        return float(ended - began) * 1000

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


@contextmanager
def serving() -> Iterator[Service]:
    command = [sys.executable, "-m", "tests.benchmarks.cuts"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Service(process)


def measure(service: Service, how: str, milliseconds: int) -> Cut:
    """One interruption, under one probing process."""
    probe = Probe(Route("127.0.0.1", service.port))
    probe.start()
    time.sleep(AROUND + random.uniform(0, INTERVAL))  # else all begin at the same moment between two probes
    true = service.cut(how, milliseconds)
    time.sleep(AROUND)
    seen = Blackout("direct")
    seen.take(probe.stop())
    return Cut(true, seen.longest_ms, seen.error_ms)


def row(how: str, length: int, cuts: list[Cut]) -> str:
    """What a number of equal interruptions came to."""
    figures = (
        median(cut.true for cut in cuts),
        median(cut.measured for cut in cuts),
        median(abs(cut.error) for cut in cuts),
        max((cut.error for cut in cuts), key=abs),
        median(cut.said for cut in cuts),
    )
    held = sum(abs(cut.error) <= cut.said for cut in cuts)
    return f"{how:>8}{length:>8}" + "".join(f"{figure:>12.1f}" for figure in figures) + f"{held:>7} of {len(cuts)}"


def main() -> None:
    names = ("true", "measured", "error", "worst error", "error said", "error held")
    print(f"{'how':>8}{'ms':>8}" + "".join(f"{name:>12}" for name in names))
    with serving() as service:
        for how in (GONE, FROZEN):
            for length in LENGTHS:
                print(row(how, length, [measure(service, how, length) for _ in range(TIMES)]), flush=True)
