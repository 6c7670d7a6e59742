"""How a migration's progress is told: a line in the launcher's log, and samples for virt-handler's metrics."""

from __future__ import annotations

from dataclasses import dataclass

from ...hypervisors.interface import JobStats

MIB = 1 << 20
PAGE = 4096
LOOKS_A_LINE = 10
"""Each tenth look at a migration is logged."""
KEPT = 10
"""virt-handler keeps so many samples of a migration."""


@dataclass(frozen=True)
class Sampled:
    """A migration at a moment (Unix time). None: it had been handed over, but libvirt had no job yet."""

    at: float
    stats: JobStats | None


def log_line(uid: str, stats: JobStats) -> str:
    """What virt-launcher logs, with the keys and units of KubeVirt's own line."""
    pages = max(0, stats.processed) // PAGE
    parts = {
        "TimeElapsed": f"{stats.elapsed * 1000:.0f}ms",
        "DataProcessed": f"{stats.processed // MIB}MiB",
        "DataRemaining": f"{stats.remaining // MIB}MiB",
        "DataTotal": f"{stats.total // MIB}MiB",
        "MemoryProcessed": f"{stats.processed // MIB}MiB",
        "MemoryRemaining": f"{stats.remaining // MIB}MiB",
        "MemoryTotal": f"{stats.total // MIB}MiB",
        "MemoryBandwidth": f"{stats.bandwidth * 8 // 1_000_000}Mbps",
        "DirtyRate": f"{stats.dirty_rate * 8 // 1_000_000}Mbps",
        "Iteration": str(stats.iteration),
        "PostcopyRequests": str(stats.page_faults),
        "ConstantPages": str(stats.zero_bytes // PAGE),
        "NormalPages": str(pages),
        "NormalData": f"{pages * PAGE // MIB}MiB",
        "ExpectedDowntime": f"{stats.downtime * 1000:.0f}ms",
        "DiskMbps": "0",
    }
    return f"Migration info for {uid}: {' '.join(f'{key}:{value}' for key, value in parts.items())}"
