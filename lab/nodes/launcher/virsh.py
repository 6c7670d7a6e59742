"""`virsh domjobinfo`, as libvirt's shell in a launcher's container tells how far a migration is."""

from __future__ import annotations

from collections.abc import Sequence

from ...hypervisors.interface import JobStats
from ..runtime import Ran
from .launcher import Launcher

ONLY_ONE = "1"
"""A launcher has one domain, whose id libvirt gives it."""
FAILED = 1
UNITS = ("B", "KiB", "MiB", "GiB")


def virsh(launcher: Launcher, args: Sequence[str]) -> Ran:
    """Answer `virsh domjobinfo DOMAIN`; any other command is refused."""
    if len(args) != 2 or args[0] != "domjobinfo":
        return FAILED, "", "error: the lab models `virsh domjobinfo DOMAIN` only\n"
    identity = launcher.identity
    known = (ONLY_ONE, f"{identity.namespace}_{identity.name}")
    if args[1] not in known or launcher.domain is None or not launcher.domain.status.alive:
        return FAILED, "", f"error: failed to get domain '{args[1]}'\n"
    job = launcher.domain.job()
    lines = _told(job) if job else [("Job type:", "None")]
    return 0, "".join(f"{name:<17} {value:<12}\n" for name, value in lines) + "\n", ""


def _told(job: JobStats) -> list[tuple[str, str]]:
    """Of libvirt's lines those that the lab knows the truth of, in libvirt's order."""
    return [
        ("Job type:", "Unbounded"),
        ("Operation:", "Outgoing migration"),
        ("Time elapsed:", f"{job.elapsed * 1000:<12.0f} ms"),
        ("Data processed:", _size(job.processed)),
        ("Data remaining:", _size(job.remaining)),
        ("Data total:", _size(job.total)),
        ("Memory processed:", _size(job.processed)),
        ("Memory remaining:", _size(job.remaining)),
        ("Memory total:", _size(job.total)),
        ("Memory bandwidth:", f"{_size(job.bandwidth)}/s"),
        ("Dirty rate:", f"{job.dirty_rate // 4096:<12} pages/s"),
        ("Page size:", f"{4096:<12} bytes"),
        ("Iteration:", str(job.iteration)),
        ("Postcopy requests:", str(job.page_faults)),
        ("Constant pages:", str(job.zero_bytes // 4096)),
        ("Expected downtime:", f"{job.downtime * 1000:<12.0f} ms"),
    ]


def _size(bytes: float) -> str:
    unit = 0
    while bytes >= 1024 and unit < len(UNITS) - 1:
        bytes, unit = bytes / 1024, unit + 1
    return f"{bytes:.3f} {UNITS[unit]}"
