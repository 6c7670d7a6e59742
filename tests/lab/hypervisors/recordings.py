"""Recorded QEMU migrations, read into what went into them and what came of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from seatrial.lab.hypervisors.interface import Compression
from seatrial.lab.hypervisors.memory import MIB, PAGE, Load, Memory

TRACES = Path(__file__).resolve().parents[4] / "shared" / "qemu-traces"
DEFAULT_LIMIT, DEFAULT_DOWNTIME = 128 * MIB, 300
Line = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """One trace."""

    name: str
    lines: tuple[Line, ...]

    @classmethod
    def read(cls, path: Path) -> Recording:
        return cls(path.stem, tuple(json.loads(line) for line in path.read_text().splitlines()))

    @cached_property
    def meta(self) -> Line:
        return self.lines[0]

    @cached_property
    def samples(self) -> list[Line]:
        """What the source answered to query-migrate while it had figures to show."""
        return [line["data"] for line in self._of("sample", "src") if "ram" in line["data"]]

    def _of(self, kind: str, side: str = "") -> Iterable[Line]:
        return (line for line in self.lines if line["kind"] == kind and side in (line.get("side"), ""))

    # What went in.

    @property
    def limit(self) -> int:
        return int(self.meta["params"].get("max-bandwidth", DEFAULT_LIMIT))

    @property
    def post_copy_limit(self) -> int:
        return int(self.meta["params"].get("max-postcopy-bandwidth", 0))

    @property
    def permitted(self) -> float:
        """The permitted pause in seconds."""
        return float(self.meta["params"].get("downtime-limit", DEFAULT_DOWNTIME)) / 1000

    @property
    def connections(self) -> int:
        return int(self.meta["params"].get("multifd-channels", 1))

    @property
    def compression(self) -> Compression:
        return Compression(self.meta["params"].get("multifd-compression", "none"))

    @property
    def auto_converge(self) -> bool:
        return "auto-converge" in self.meta["caps"]

    @property
    def load(self) -> Load | None:
        """The workload by its own words: a paced one of the recording's agent, or stress-ng without a pace."""
        asked = self.meta["workload"] or ""
        if paced := re.search(r"mb=(\d+)&rate=(\d+)", asked):
            return Load(int(paced[1]) * MIB, float(paced[2]) * MIB)
        stress = re.search(r"--vm-bytes\+(\d+)M", asked)
        return Load(int(stress[1]) * MIB, 0.0) if stress else None

    @property
    def memory(self) -> Memory:
        """What was not zero is counted when as many pages as there are had been looked at once."""
        total = int(self.samples[0]["ram"]["total"])
        counted = [s["ram"] for s in self.samples if (s["ram"]["normal"] + s["ram"]["duplicate"]) * PAGE >= total]
        zeros = (counted[0] if counted else self.samples[-1]["ram"])["duplicate"]
        return Memory(total, self.load, counted=total - zeros * PAGE)

    def at(self, action: str) -> float | None:
        """When the recorder did something."""
        return next((float(line["t"]) for line in self._of("action") if action in line["desc"]), None)

    @property
    def ran_until(self) -> float | None:
        """When a cancel was asked for that ended the migration."""
        return self.at("migrate_cancel") if self.state == "cancelled" else None

    @property
    def switched_at(self) -> float | None:
        """When post-copy was asked for."""
        return self.at("start-postcopy")

    @property
    def held(self) -> float:
        """Seconds that the migration was made to wait before its switch-over."""
        waits = [e["t"] for e in self._of("event", "src") if (e["data"] or {}).get("status") == "pre-switchover"]
        went_on = self.at("migrate-continue")
        return went_on - float(waits[0]) if waits and went_on is not None else 0.0

    @property
    def return_path(self) -> bool:
        return bool(self.meta["caps"].get("return-path"))

    # What came of it.

    @property
    def state(self) -> str:
        return str(self.meta["src"])

    @property
    def converged(self) -> bool:
        return self.state == "completed"

    @property
    def total(self) -> float:
        """Seconds."""
        return float(self.samples[-1]["total-time"]) / 1000

    @property
    def sent(self) -> int:
        return int(self.samples[-1]["ram"]["transferred"])

    @property
    def rounds(self) -> int:
        return int(self.samples[-1]["ram"]["dirty-sync-count"])

    @property
    def pause(self) -> float | None:
        """Seconds from the guest's stop on its source to its going on at its target, by QEMU's own clocks.

        In post-copy it goes on before it can: that says nothing.
        """
        if self.switched_at is not None:
            return None
        times = {e["event"]: float(e["qemu_ts"]) for e in self._of("event") if e["event"] in ("STOP", "RESUME")}
        return times["RESUME"] - times["STOP"] if len(times) == 2 else None

    @property
    def reported(self) -> float | None:
        """What QEMU says of it."""
        told = self.samples[-1].get("downtime")
        return None if told is None else float(told) / 1000

    @property
    def idle_processors(self) -> float:
        """The share of the machine's processors that had nothing to do meanwhile."""
        return float(self.meta["cpu_idle_frac_migration"])


def recordings() -> list[Recording]:
    """All traces, by name."""
    return [Recording.read(path) for path in sorted(TRACES.glob("*.jsonl"))]
