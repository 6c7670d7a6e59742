"""What a modelled guest knows of itself, and what becomes of it as time passes: this is what a migration moves."""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

from .memory import MIB, Load, Memory
from .offer import Offer
from .scheduling import Scheduling
from .workload import Workload

HEARTBEATS_PER_SECOND = 10
KILLED = "killed by signal 9"
"""How a load's process ends where there is no memory for it."""
WATCHED = 2048
"""Pages that a guest watches, 8 MiB."""
REWRITTEN = 16
"""Of these, pages that it checks and writes anew at each beat."""


@dataclass(frozen=True)
class GuestState:
    """`ran` is the guest's own clock in seconds since its boot; `clock_error` is by how much its clocks are wrong."""

    boot_id: str
    hostname: str
    memory: int
    ran: float
    workload_pid: int
    beats: float = 0.0
    workload: Workload | None = None
    throttle: float = 0.0
    """The share of its time by which it was held back when it left."""
    clock_error: float = 0.0
    offer: Offer = Offer.ALL
    pages_lost: int = 0
    """How many of the pages that it watches were not what it had written."""

    @classmethod
    def booted(cls, hostname: str, memory: int, offer: Offer = Offer.ALL) -> GuestState:
        """A guest that has just booted."""
        return cls(str(uuid.uuid4()), hostname, memory, 0.0, random.randint(300, 999), offer=offer)

    def lived(self, seconds: float, scheduling: Scheduling) -> GuestState:
        """The guest after so many seconds more; its clock goes on whether it has its processor or not."""
        if seconds <= 0:
            return self
        workload = self.workload.lived(self.ran, seconds, scheduling.share) if self.workload else None
        beats = self.beats + scheduling.beats(HEARTBEATS_PER_SECOND) * seconds
        return replace(self, ran=self.ran + seconds, beats=beats, workload=workload)

    def loaded(self, load: Load | None) -> GuestState:
        """The guest with another load, or none."""
        return replace(self, workload=Workload.started(load, self.ran, self.offer.load_starts) if load else None)

    @property
    def load(self) -> Load | None:
        """The load that writes."""
        return self.workload.load if self.workload and self.workload.writes(self.ran) else None

    @property
    def heartbeat(self) -> int:
        return int(self.beats)

    @property
    def room(self) -> int:
        """Bytes that a load can have."""
        return self.memory - Memory(self.memory).idle

    def report(self) -> dict[str, Any]:
        """What `GET /state` answers."""
        running = self.workload if self.workload and self.workload.first is not None else None
        told = {
            "bootId": self.boot_id,
            "hostname": self.hostname,
            "uptime": round(self.ran, 3),
            "heartbeat": self.heartbeat,
            "monotonic": round(self.ran + self.clock_error, 6),
            "time": round(time.time() + self.clock_error, 6),
            "workloadPid": self.workload_pid,
            "requestedDirtyRate": running.load.rate / MIB if running else 0,
        }
        if "/load" not in self.offer.paths:
            return told
        ended = {"loadEnded": KILLED} if self.workload and not running else {}
        return {**told, "load": running.report() if running else None, **ended}

    def witness(self, forks: int) -> dict[str, Any]:
        """What `GET /witness` answers; `forks` is how often the disk held what the guest had not written."""
        checked = WATCHED + self.heartbeat * REWRITTEN
        return {
            "bootId": self.boot_id,
            "uptime": round(self.ran, 3),
            "heartbeat": self.heartbeat,
            "memory": {"pages": WATCHED, "mismatches": self.pages_lost, "checked": checked},
            "disk": {"sequence": self.heartbeat, "forks": forks},
        }

    def written(self) -> dict[str, Any]:
        workload = self.workload.written() if self.workload else None
        return {**asdict(self), "workload": workload, "offer": self.offer.value}

    @classmethod
    def read(cls, written: dict[str, Any]) -> GuestState:
        workload = written["workload"]
        known = {"workload": Workload.read(workload) if workload else None, "offer": Offer(written["offer"])}
        return cls(**{**written, **known})
