"""The queue of migrations as a history shows it: who waits and for how long, and how many are under way at once.

What happened in which order is told by resourceVersions: several watches may deliver in another order. Only the test's
own migrations are seen; those of others can make a queue longer, never more of one's own run at once than is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from seatrial.fixtures import Finding, History, Phase, Report, Stage, VirtualMachine, VirtualMachines, check, storm
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import MIGRATION, POD, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.outcome import phase_of
from seatrial.fixtures.vmspec import one_connection, prefer

from .configuration import Limits


@dataclass(frozen=True)
class Peak:
    """The most migrations that were under way at once, and which."""

    count: int = 0
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.count} ({', '.join(self.names)})"


@dataclass
class _Counting:
    """Who is under way, as a history goes on."""

    pods: dict[str, str]
    until_the_end: bool
    under_way: dict[str, str] = field(default_factory=dict)
    """The node that each migration leaves, by the migration's name."""
    away: set[str] = field(default_factory=set)
    """Those whose VM has arrived."""
    vmis: dict[str, str] = field(default_factory=dict)

    def take(self, seen: Seen) -> None:
        if seen.kind == MIGRATION.kind:
            self._migration(seen)
            return
        node = (seen.object.get("status") or {}).get("nodeName", "")
        for name, source in self.under_way.items():
            if not self.until_the_end and self.vmis[name] == seen.name and node not in ("", source):
                self.away.add(name)

    def _migration(self, seen: Seen) -> None:
        phase, status = phase_of(seen.object), seen.object.get("status") or {}
        if seen.deleted or not Phase.PENDING.rank < phase.rank < Phase.SUCCEEDED.rank:
            self.under_way.pop(seen.name, None)
            self.away.discard(seen.name)
            return
        self.vmis[seen.name] = seen.object["spec"]["vmiName"]
        source = (status.get("migrationState") or {}).get("sourcePod", "")
        self.under_way.setdefault(seen.name, self.pods.get(source, ""))

    def leaving(self, node: str) -> tuple[str, ...]:
        return tuple(name for name, source in self.under_way.items() if source == node and name not in self.away)


@dataclass(frozen=True)
class Peaks:
    """The most at once: in all, and out of each node."""

    cluster: Peak
    nodes: dict[str, Peak]


def peaks(history: History, until_the_end: bool) -> Peaks:
    """The most migrations under way at once, as KubeVirt counts: from Scheduling until they are final.

    `until_the_end`: a VM that has arrived counts as leaving its source until its migration has ended, as from 1.6 on.
    """
    nodes = {pod.name: pod.object["spec"].get("nodeName", "") for pod in history.versions(POD.kind)}
    counting = _Counting(nodes, until_the_end)
    in_all, by_node = Peak(), dict[str, Peak]()
    kinds = (MIGRATION.kind, VIRTUAL_MACHINE_INSTANCE.kind)
    for seen in sorted((seen for seen in history if seen.kind in kinds), key=_version):
        counting.take(seen)
        if len(counting.under_way) > in_all.count:
            in_all = Peak(len(counting.under_way), tuple(counting.under_way))
        for node in set(counting.under_way.values()):
            leaving = counting.leaving(node)
            if len(leaving) > by_node.get(node, Peak()).count:
                by_node[node] = Peak(len(leaving), leaving)
    return Peaks(in_all, by_node)


def check_limits(found: Peaks, limits: Limits) -> None:
    """Never more at once than the KubeVirt object allows."""
    for node, peak in sorted(found.nodes.items()):
        text = f"migrations under way from {node} at once"
        check(text, f"at most {limits.node}", str(peak), holds=peak.count <= limits.node)
    text = "migrations under way in the cluster at once"
    check(text, f"at most {limits.cluster}", str(found.cluster), holds=found.cluster.count <= limits.cluster)


@dataclass(frozen=True)
class Turn:
    """When a migration was first seen to wait and to have its turn, in seconds of the history's clock."""

    name: str
    asked: float
    begun: float

    @property
    def waited(self) -> float:
        return self.begun - self.asked


def turns(history: History) -> list[Turn]:
    """The migrations that were given their turn, in the order of that."""
    asked: dict[str, float] = {}
    begun: dict[str, Turn] = {}
    for seen in history.versions(MIGRATION.kind):
        asked.setdefault(seen.name, seen.t)
        if Phase.PENDING.rank < phase_of(seen.object).rank and phase_of(seen.object) is not Phase.FAILED:
            begun.setdefault(seen.name, Turn(seen.name, asked[seen.name], seen.t))
    return list(begun.values())


def tell_waits(report: Report, history: History, what: str) -> None:
    """Put the shortest, the middle and the longest wait into the certificate."""
    waits = sorted(turn.waited for turn in turns(history))
    if not waits:
        raise Finding(what, "migrations that had their turn", "none")
    for name, wait in (("shortest", waits[0]), ("median", waits[len(waits) // 2]), ("longest", waits[-1])):
        report.measure(f"{what}: {name} wait for a turn", wait, "s")


def gather(stage: Stage, vms: VirtualMachines, count: int, node: str | None = None) -> list[VirtualMachine]:
    """Up to so many running VMs, on one node as far as it has room; see fixtures/storm.py."""

    def change(spec: Object) -> None:
        one_connection(spec)
        spec["evictionStrategy"] = "LiveMigrate"
        if node:
            prefer(node)(spec)

    return storm.gather(stage, vms, count, change)


def _version(seen: Seen) -> int:
    return int(seen.object["metadata"]["resourceVersion"])
