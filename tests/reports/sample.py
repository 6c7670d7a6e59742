"""A journal like those of real runs, to look at and to test with."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]

TITLES = (
    "Live migration is available",
    "The migration configuration takes effect, with the version's defaults",
    "A stopped VM stays stopped",
    "A VM starts on a bare-metal node that it tolerates, and only there",
    "Storage that is not shared forbids migration; shared storage does not",
    "Creating a migration moves the VM, and its guest does not notice",
    "The Service answers again from the new node",
    "Deleting a running migration cancels it",
    "A cancel has its documented outcome in every phase",
    "Five finished migrations are kept",
)
PHASES = ("Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Succeeded")
FAILED = 11
UNTESTED = 17
SKIPPED_IN_PART = 23
FAILED_RECOMMENDED = 28
DRAWN = 31
STRATEGIES = ("pre-copy", "auto-converge", "post-copy")
RATES = (2, 10, 50, 100)


def requirement(number: int, **changes: Any) -> Record:
    title = TITLES[number % len(TITLES)]
    return {
        "type": "requirement",
        "t": 0.1,
        "id": f"TUT-{number:02}",
        "title": title,
        "statement": f"{title}: whatever the cluster is asked for, it does within the documented limits and says so.",
        "level": ("recommended" if number % 7 == 0 else "informative" if number % 19 == 0 else "required"),
        "suite": "conformance" if number < 45 else "chaos" if number < 53 else "load",
        "profiles": ["smoke", "standard"] if number % 3 else ["standard"],
        "versions": ">=1.3",
        "source": "KubeVirt user guide, Live migration",
        "remedy": "Look at the target launcher pod's PodScheduled condition and at virt-handler's log on both nodes.",
        "allow": None,
        "selected": True,
        **changes,
    }


def run(**changes: Any) -> Record:
    return {
        "type": "run",
        "t": 0.0,
        "schema": 1,
        "id": "st-7f3a9c",
        "started": "2026-11-22T10:00:00+00:00",
        "seatrial": "0.1.0",
        "python": "3.11.7",
        "command": ["seatrial", "certify", "--profile", "standard", "-n", "4"],
        "profile": "standard",
        "suites": ["conformance", "chaos", "load"],
        "allow": [],
        "workers": 4,
        **changes,
    }


def environment(*, lab: bool = True) -> Record:
    control_plane, bare_metal = "node-role.kubernetes.io/control-plane:NoSchedule", "baremetal=true:NoSchedule"
    names = ("training-control-plane", "training-baremetal-1", "training-baremetal-2", "training-baremetal-3")
    return {
        "type": "environment",
        "t": 0.05,
        "server": "127.93.0.1:6443" if lab else "api.training.example.org:6443",
        "context": "lab" if lab else "training",
        "kubernetes": "v1.36.2+seatrial-lab" if lab else "v1.36.2",
        "kubevirt": "v1.8.4",
        "installNamespace": "kubevirt",
        "lab": lab,
        "nodes": [
            {
                "name": name,
                "schedulable": True,
                "kubevirtSchedulable": index > 0,
                "taints": [bare_metal if index else control_plane],
                "kubeletVersion": "v1.36.2",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "kernel": "6.1.0-26-amd64",
                "arch": "amd64",
                "cpuModel": "Cascadelake-Server",
            }
            for index, name in enumerate(names)
        ],
        "migrations": {
            "parallelMigrationsPerCluster": 5,
            "parallelOutboundMigrationsPerNode": 2,
            "bandwidthPerMigration": "0",
            "completionTimeoutPerGiB": 150,
            "progressTimeout": 150,
            "allowAutoConverge": False,
            "allowPostCopy": False,
            "network": None,
        },
        "featureGates": ["DecentralizedLiveMigration", "HotplugVolumes"],
        "capabilities": {
            "shared-storage": {"available": True, "detail": "StorageClass shared (ReadWriteMany)"},
            "second-node": {"available": True, "detail": "3 nodes run VMs"},
            "guest-load": {"available": False, "detail": "the image has no stress-ng"},
        },
        "fingerprint": "9d1c7f54a1c5b6e0e7ac2f7f9a2a1a77f3f6f7d4a9a6b4a9c1d0e8f7a6b5c4d3",
    }


def result(number: int, outcome: str = "passed", **changes: Any) -> Record:
    return {
        "type": "test",
        "t": 1.0 + number / 10,
        "test": f"conformance/test_tutorial_{number:02}.py::test_{TITLES[number % len(TITLES)].split()[-1]}[rwx]",
        "requirements": [f"TUT-{number:02}"],
        "outcome": outcome,
        "phase": "call",
        "phases": ["setup", "call", "teardown"],
        "duration": 0.4 + number % 9 * 0.31,
        "reason": None,
        "message": "",
        "details": "",
        "expected": None,
        "observed": None,
        "evidence": None,
        "worker": f"gw{number % 4}",
        "namespace": f"seatrial-7f3a9c-{number:02}",
        "notes": [],
        "measurements": [],
        "tables": [],
        "charts": [],
        "timeline": [],
        **changes,
    }


def timeline(last: str = "Succeeded") -> list[Record]:
    steps = [*PHASES[:-1], last]
    migration, vmi = "VirtualMachineInstanceMigration", "VirtualMachineInstance"
    moments = [
        {"t": 12 + index * 0.13, "source": migration, "text": f"vm-1-x7k2p phase {phase}"}
        for index, phase in enumerate(steps)
    ]
    moments += [
        {"t": 11.1, "source": vmi, "text": "vm-1 phase Running, on training-baremetal-1, Ready True"},
        {"t": 12.01, "source": vmi, "text": "vm-1 phase Running"},
        {"t": 12.2, "source": "Pod", "text": "virt-launcher-vm-1-x7k2p phase Pending"},
        {"t": 12.31, "source": "Pod", "text": "virt-launcher-vm-1-x7k2p phase Running, on training-baremetal-2"},
        {
            "t": 12.62,
            "source": "event",
            "text": "vm-1 PreparingTarget: Migration Target is ready",
        },
        {"t": 12.71, "source": vmi, "text": "vm-1 mode PreCopy"},
        {"t": 12.76, "source": "Pod", "text": "virt-launcher-vm-1-aa1b2 being deleted"},
        {"t": 12.79, "source": "Pod", "text": "virt-launcher-vm-1-aa1b2 deleted"},
        {"t": 12.0, "source": "test", "text": "migrate vm-1"},
        {"t": 12.66, "until": 12.702, "source": "probe", "text": "no answer, 42 ms"},
    ]
    return moments


def measurements(number: int) -> list[Record]:
    return [
        {"name": "blackout", "value": 28 + number * 7 % 23 + (number == FAILED) * 45, "unit": "ms"},
        {"name": "migration duration", "value": 0.7 + number % 5 * 0.09, "unit": "s"},
    ]


def predictions() -> Iterator[Record]:
    """One row for each place of a grid; one of them is a surprise."""
    for strategy in STRATEGIES:
        for bandwidth in (16, 32, 64):
            for rate in RATES:
                ends = "converges" if rate < bandwidth * 0.8 else _HELP[strategy]
                surprise = (strategy, bandwidth, rate) == ("auto-converge", 16, 100)
                observed = "is aborted by the time-out" if surprise else ends
                row = {
                    "strategy": strategy,
                    "bandwidth, MiB/s": bandwidth,
                    "dirty rate, MiB/s": rate,
                    "expected": f"{ends}, in about {2 + rate / bandwidth:.1f} s",
                    "observed": f"{observed}, in {2 + rate / bandwidth:.0f} s",
                    "holds": observed == ends,
                }
                yield {"title": "Prediction", "row": row}


_HELP = {
    "pre-copy": "is aborted by the time-out",
    "auto-converge": "converges, throttled",
    "post-copy": "ends by post-copy",
}


def charts() -> list[Record]:
    """Latency and lost requests over one migration, of one test."""
    times = [index / 20 for index in range(220, 280)]
    slow = [12.4 < t < 13.0 for t in times]
    lines = {
        "median": [[t, 2 + 3 * slowed] for t, slowed in zip(times, slow, strict=True)],
        "99 %": [[t, None if 12.65 < t < 12.75 else 6 + 60 * slowed] for t, slowed in zip(times, slow, strict=True)],
    }
    phases = [
        {"name": name, "from": round(12 + index * 0.13, 2), "to": round(12.13 + index * 0.13, 2)}
        for index, name in enumerate(PHASES[:-1])
    ]
    lost = {"name": "3 lost", "from": 12.66, "to": 12.7}
    return [
        {
            "title": "Latency, one migration",
            "unit": "ms",
            "lines": [{"name": name, "points": points} for name, points in lines.items()],
            "spans": [*phases, lost],
        },
        {
            "title": "Requests lost, one migration",
            "unit": "1/s",
            "lines": [{"name": "lost", "points": [[t, 60 * (12.65 < t < 12.72)] for t in times]}],
            "spans": phases,
        },
    ]


def blackouts() -> list[Record]:
    """Several samples of each strategy."""
    return [
        {"name": f"blackout, {strategy}", "value": 20 + 15 * rank + 7 * index % 31, "unit": "ms"}
        for rank, strategy in enumerate(STRATEGIES)
        for index in range(4 + 8 * rank)
    ]


def records(count: int = 60) -> Iterator[Record]:
    """A run with something of everything in it."""
    yield run()
    yield environment()
    yield from (requirement(number) for number in range(1, count + 1))
    for number in range(1, count + 1):
        yield {"type": "test-start", "t": 1.0, "test": result(number)["test"], "requirements": [f"TUT-{number:02}"]}
        yield _one_test(number)
    yield {
        "type": "violation",
        "t": 31.0,
        "test": result(FAILED)["test"],
        "check": "one running guest",
        "message": "from 12.712 s to 12.741 s two launchers held a running guest of vm-1",
        "evidence": "evidence/test_tutorial_11",
    }
    yield {"type": "run-end", "t": 48.2, "exitstatus": 1, "interrupted": False, "duration": 48.2}


def _one_test(number: int) -> Record:
    if number == FAILED:
        return _failure(number)
    if number == FAILED_RECOMMENDED:
        return result(
            number,
            "failed",
            message="six finished migrations are left, 30 s after the sixth ended",
            evidence="evidence/test_tutorial_28",
        )
    if number == UNTESTED:
        return result(number, "skipped", reason="the cluster has no StorageClass with ReadWriteMany")
    if number == DRAWN:
        drawn: dict[str, Any] = {"tables": list(predictions()), "charts": charts(), "measurements": blackouts()}
        return result(number, timeline=timeline(), **drawn)
    if number == SKIPPED_IN_PART:
        return result(number, "passed", notes=["the feature gate LiveMigration is listed and has no effect any more"])
    return result(
        number,
        measurements=measurements(number) if number % 5 in (0, 1) else [],
        timeline=timeline() if number % 15 == 1 else [],
    )


def _failure(number: int) -> Record:
    return result(
        number,
        "failed",
        message="the guest was restarted: its boot id changed",
        expected="bootId 5f0e…21, uptime going on, phase Succeeded on another node",
        observed="bootId 9a77…c4, uptime 0.4 s, phase Failed: Live migration failed, error encountered during hand-off",
        details="conformance/test_tutorial_11.py:41: in test_notice\n    assert after.boot_id == before.boot_id\n" * 6,
        evidence="evidence/test_tutorial_11",
        measurements=measurements(number),
        timeline=timeline("Failed"),
    )


def as_lines(items: Iterator[Record] | list[Record]) -> bytes:
    return b"".join(json.dumps(item, ensure_ascii=False).encode() + b"\n" for item in items)


def write(directory: Path, items: Iterator[Record] | list[Record] | None = None) -> Path:
    """A run's directory with this journal and some evidence."""
    (directory / "evidence" / "test_tutorial_11").mkdir(parents=True, exist_ok=True)
    (directory / "evidence" / "test_tutorial_11" / "vmi.yaml").write_text("kind: VirtualMachineInstance\n")
    (directory / "journal.jsonl").write_bytes(as_lines(records() if items is None else items))
    return directory
