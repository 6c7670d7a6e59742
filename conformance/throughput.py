"""How fast migrations can be between two nodes, by the bytes that virt-handler counts, over time.

A limit that is asked for says how much a migration may send and not how much it can. So before the end of a migration
is predicted, one that is hardly limited is watched for a while and cancelled, once for each source node and run. Where
a migration turns out slower than its limit, another such look at its two nodes tells whether they had more to give.
"""

from __future__ import annotations

import math
import time
from dataclasses import astuple, dataclass, replace
from typing import Any

import pytest

from seatrial.fixtures import (
    Finding,
    Guests,
    Migration,
    Outcome,
    Policies,
    Refused,
    Stage,
    VirtualMachine,
    VirtualMachines,
    not_exercised,
)
from seatrial.fixtures.kinds import Object
from seatrial.fixtures.limits import CONDITION
from seatrial.fixtures.loadrate import measure_rate
from seatrial.fixtures.metrics import Metrics, Sample, Scrape
from seatrial.fixtures.transport import Unreachable
from seatrial.fixtures.vmspec import HOSTNAME, VM_LABEL, Change, one_connection, prefer

MIB = 1 << 20
CEILING = 128
"""MiB a second that a migration may send whose speed is looked at: more than any test asks for, and too little for a
working set of 48 MiB to fit into the permitted pause (0.3 s), which would end it."""
SPAN = 10.0
"""Seconds over which bytes are counted, on an ordinary cluster: virt-handler looks each 5 s."""
MOST = 4
"""Nodes from which a run looks, each of which takes it a minute."""
WORKING_SET = 48
CERTAIN = 0.9
"""What converges though its guest rewrites a whole working set is sent as fast as that is written, or nearly so."""
AMPLE = 10
"""A limit is no burden to nodes that give so many times as much: what falls short of it then is held back by something
else. Busy processors alone can cost a limited migration more than half, as it sleeps between its bursts."""
UNAIDED: Object = {
    "completionTimeoutPerGiB": 0,
    "allowAutoConverge": False,
    "allowPostCopy": False,
}
PROCESSED = "kubevirt_vmi_migration_data_processed_bytes"
HINDRANCES = (Finding, Refused, Unreachable, pytest.skip.Exception)


@dataclass(frozen=True)
class Speed:
    """MiB a second from one node to another; at least so many where it was not `measured`."""

    source: str
    target: str
    rate: float
    measured: bool = True

    def __str__(self) -> str:
        return f"{'' if self.measured else 'at least '}{self.rate:.1f} MiB/s from {self.source} to {self.target}"


class Throughput:
    """Looks at how fast migrations are, with a VM of its own, and remembers it for the run."""

    def __init__(
        self, stage: Stage, vms: VirtualMachines, guests: Guests, policies: Policies, metrics: Metrics, span: float
    ) -> None:
        self._stage, self._vms, self._guests, self._policies, self._metrics = stage, vms, guests, policies, metrics
        self._span = span
        """Seconds over which bytes are counted."""

    def slowest(self, source: str) -> float:
        """MiB a second between the slowest two nodes that the run knows of, of which one from this node is looked at.

        On a large cluster a few have to do. Infinite where nothing could be measured.
        """
        if len(self._known()) < MOST:
            self._stage.facts.once(_fact(source), lambda: self._found_out(source))
        return min((Speed(*values).rate for values in self._known() if values), default=math.inf)

    def _known(self) -> list[list[Any]]:
        """What the run has found out by now, from each node that was looked at."""
        found = (self._stage.facts.known(_fact(node)) for node in self._stage.cluster.migration_nodes)
        return [values for values in found if values is not None]

    def _found_out(self, source: str) -> list[object]:
        """As plain data; empty where it cannot be measured, so that nobody tries again."""
        speed = self.look(source)
        return list(astuple(speed)) if speed else []

    def look(self, source: str, target: str = "") -> Speed | None:
        """How fast a migration from one node is now, to any or to a certain one; None where that cannot be measured."""
        try:
            return self._look(source, target)
        except HINDRANCES as error:
            self._stage.history.note("test", f"how fast migrations from {source} are cannot be measured: {error}")
            return None

    def excuse(self, outcome: Outcome, needed: float, slow: str) -> None:
        """Skip the test unless the nodes of a migration that was `slow` are shown to give `needed` MiB/s now.

        Where they do, something else than the network or the nodes' processors holds it back.
        """
        speed = self.look(outcome.source_node, outcome.target_node)
        if speed is None:
            not_exercised(f"{slow}; whether the network gives more cannot be measured")
        if speed.rate < needed:
            not_exercised(f"{slow}; another migration right after it made {speed}, and {needed:.0f} would tell")

    def _look(self, source: str, target: str) -> Speed | None:
        vm = self._vms.create(change=_on(source), wait=False)
        try:
            speed = self._speed(vm, target)
        finally:  # a migration that goes on would take its place, and its share of the network, from those that follow
            vm.delete()
            vm.wait_stopped()
        self._stage.history.note("test", f"a migration that may send {CEILING} MiB/s made {speed}")
        led_there = not target or (speed.source, speed.target) == (source, target)
        return speed if speed.rate and led_there else None

    def _speed(self, vm: VirtualMachine, target: str) -> Speed:
        """How fast a migration of this VM is: its guest writes as fast as it can, so that it lasts."""
        vm.wait_running()
        guest = self._guests.of(vm)
        guest.load(WORKING_SET, rate=0)
        self._policies.create({VM_LABEL: vm.name}, bandwidthPerMigration=f"{CEILING}Mi", **UNAIDED)
        migration = vm.migrate(spec=_to(target) if self._stage.cluster.version >= (1, 6) else {})
        rate = self.rate(migration, vm)
        outcome = migration.outcome()
        speed = Speed(outcome.source_node, outcome.target_node, rate or 0.0)
        if rate is None and outcome.succeeded:
            speed = replace(speed, rate=CERTAIN * min(CEILING, measure_rate(guest).rate), measured=False)
        if not outcome.phase.final:
            migration.cancel()
            migration.wait_gone()
        return speed

    def rate(self, migration: Migration, vm: VirtualMachine) -> float | None:
        """MiB a second of a migration, once it has been seen on its way for `span`; None when it has ended before.

        Where the version's metrics do not say when they were true (up to 1.3), it is when they were asked for.
        """
        migration.wait_phase("Running")
        source, seen = migration.outcome().source_node, dict[float, Sample]()

        def long_enough(scrape: Scrape) -> list[list[Sample]]:
            found = scrape.of(PROCESSED, name=vm.name, namespace=vm.namespace)
            seen.update({sample.at: sample for sample in _own(found, migration) if sample.at is not None})
            samples = [seen[at] for at in sorted(seen)]
            enough = bool(samples) and (samples[-1].at or 0) - (samples[0].at or 0) >= self._span
            return [samples] if enough else [[]] if migration.phase.final else []

        scale = self._stage.history.scale
        what = f"{PROCESSED} of {vm.name} over {self._span:g} s"
        limit = max(CONDITION, 6 * self._span / scale)
        (samples,) = self._metrics.wait(what, lambda: self._metrics.handler(source), long_enough, limit)
        return rate_of(samples) if samples else None


def rate_of(samples: list[Sample]) -> float:
    """MiB a second between the first and the last."""
    first, last = samples[0], samples[-1]
    return (last.value - first.value) / MIB / ((last.at or 0) - (first.at or 0))


def _own(samples: list[Sample], migration: Migration) -> list[Sample]:
    """Those of this migration: an earlier one of the same VM may still be told of."""
    started, now = migration.outcome().start, time.time()
    since = started.timestamp() if started else math.inf
    own = [sample for sample in samples if sample.value > 0 and (sample.at is None or sample.at >= since)]
    return [replace(sample, at=now) if sample.at is None else sample for sample in own]


def _on(node: str) -> Change:
    """Change a VM so that it starts on a node, if that has room, and migrates over one connection."""

    def change(spec: Object) -> None:
        one_connection(spec)
        prefer(node)(spec)

    return change


def _to(node: str) -> Object:
    return {"addedNodeSelector": {HOSTNAME: node}} if node else {}


def _fact(node: str) -> str:
    return f"speed of migrations from {node}"
