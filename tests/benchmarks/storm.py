"""A storm: N VMs started at once, then N migrations created at once; how time and memory grow from 10 to 200.

Each size has a lab of its own. Whether the limits hold is told by what was watched, in the order of resourceVersions:
that is the order in which things happened.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from pathlib import Path

from seatrial.fixtures.api import Api
from seatrial.fixtures.cluster import Cluster
from seatrial.fixtures.guestdata import guest_secret
from seatrial.fixtures.history import History, Seen
from seatrial.fixtures.kinds import (
    MIGRATION,
    NAMESPACE,
    SECRET,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    Kind,
    Object,
)
from seatrial.fixtures.recorder import recording
from seatrial.fixtures.vmspec import VmSpec, tutorial_template
from tests.labs import RunningLab, lab_process

from .process import cpu_seconds, resident_mib

SIZES = (10, 25, 50, 100, 200)
PLACE = "storm"
IMAGE = "quay.io/kubevirt/cirros-container-disk-demo"
PER_CLUSTER, PER_NODE = 5, 2
"""KubeVirt's default limits, which the lab's KubeVirt has."""
IN_FLIGHT = ("Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running")
OVER = ("Succeeded", "Failed")
CREATORS = 4
LIMIT = 1200.0


@dataclass(frozen=True)
class Row:
    """What one storm came to."""

    vms: int
    start_s: float
    migrate_s: float
    cpu_start: float
    """Seconds of the lab's CPU for each VM that was started."""
    cpu_migration: float
    rss_mib: float
    at_once: int
    outbound: int
    succeeded: int


def main(sizes: Iterable[int] = SIZES) -> None:
    print("   ".join(f"{field.name:>13}" for field in fields(Row)))
    before: Row | None = None
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder, lab_process(Path(folder)) as lab:
            row = storm(lab, size)
        print("   ".join(_cell(row, before, field.name) for field in fields(Row)), flush=True)
        before = row


def storm(lab: RunningLab, size: int) -> Row:
    """Run one storm on a lab of its own."""
    api = Api.from_kubeconfig(str(lab.kubeconfig))
    api.create(NAMESPACE, {"metadata": {"name": PLACE}})
    api.create(SECRET, guest_secret({}), PLACE)
    template, tolerations = tutorial_template(IMAGE), tuple(Cluster(api).tolerations)
    machines = [VmSpec(f"vm-{number}", template, {}, tolerations=tolerations).body() for number in range(size)]
    moves = [{"metadata": {"name": f"move-{number}"}, "spec": {"vmiName": f"vm-{number}"}} for number in range(size)]
    with recording(api, PLACE, [VIRTUAL_MACHINE_INSTANCE]) as history:
        started, starting = _timed(lab, lambda: _all(api, history, VIRTUAL_MACHINE, machines, _running))
    with recording(api, PLACE, [VIRTUAL_MACHINE_INSTANCE, MIGRATION]) as history:
        moved, moving = _timed(lab, lambda: _all(api, history, MIGRATION, moves, _over))
        at_once, outbound = highest(history)
        ended = Counter(item["status"]["phase"] for item in history.objects(MIGRATION.kind))
    return Row(
        vms=size,
        start_s=started,
        migrate_s=moved,
        cpu_start=starting / size,
        cpu_migration=moving / size,
        rss_mib=resident_mib(lab.pid),
        at_once=at_once,
        outbound=outbound,
        succeeded=ended["Succeeded"],
    )


def highest(history: Iterable[Seen]) -> tuple[int, int]:
    """How many migrations were ever under way at once, in the cluster and out of one node.

    KubeVirt counts a migration from Scheduling until it is final, and that as one out of the node that its VMI is on:
    no more, therefore, once the VMI has arrived. Raises AssertionError where a limit was not kept.
    """
    nodes: dict[str, str] = {}
    under_way: dict[str, str] = {}
    most = most_outbound = 0
    for seen in sorted(history, key=lambda seen: int(seen.object["metadata"]["resourceVersion"])):
        status = seen.object.get("status") or {}
        if seen.kind == VIRTUAL_MACHINE_INSTANCE.kind:
            nodes[seen.name] = status.get("nodeName", "")
            continue
        vmi = seen.object["spec"]["vmiName"]
        if status.get("phase") in IN_FLIGHT and not seen.deleted:
            under_way.setdefault(vmi, nodes[vmi])
        else:
            under_way.pop(vmi, None)
        leaving = Counter(source for vmi, source in under_way.items() if nodes[vmi] == source)
        most, most_outbound = max(most, len(under_way)), max(most_outbound, *leaving.values(), 0)
        assert most <= PER_CLUSTER, f"{most} migrations at once, of {sorted(under_way)}"
        assert most_outbound <= PER_NODE, f"{most_outbound} migrations out of one node at once: {under_way}"
    return most, most_outbound


def _all(api: Api, history: History, kind: Kind, bodies: list[Object], there: Callable[[Object], bool]) -> None:
    """Create all of them at once, and wait until as many objects are where they should be."""
    with ThreadPoolExecutor(CREATORS) as creators:
        list(creators.map(lambda body: api.create(kind, body, PLACE), bodies))
    followed = MIGRATION if kind is MIGRATION else VIRTUAL_MACHINE_INSTANCE
    history.wait(f"all {len(bodies)} are there", lambda now: _count(now, followed, there) == len(bodies), LIMIT)


def _count(history: History, kind: Kind, there: Callable[[Object], bool]) -> int:
    return sum(there(item.get("status") or {}) for item in history.objects(kind.kind))


def _running(status: Object) -> bool:
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or ())
    return status.get("phase") == "Running" and ready


def _over(status: Object) -> bool:
    return status.get("phase") in OVER


def _timed(lab: RunningLab, act: Callable[[], None]) -> tuple[float, float]:
    """Seconds by the clock, and of the lab's CPU."""
    began, spent = time.monotonic(), cpu_seconds(lab.pid)
    act()
    return time.monotonic() - began, cpu_seconds(lab.pid) - spent


def _cell(row: Row, before: Row | None, name: str) -> str:
    """A figure, and how many times the previous row's it is."""
    value = getattr(row, name)
    text = f"{value:.3f}" if name.startswith("cpu") else f"{value:.1f}" if isinstance(value, float) else str(value)
    last = getattr(before, name) if before else 0
    return f"{text:>7}{f'x{value / last:.2f}' if last else '':>6}"
