"""Putting a migration on trial: a guest under a load that is measured, a policy of its own, an end that was foretold.

The load's rate goes into the prediction as the guest achieved it, never as it was asked for: a slow node then changes
what is expected and not whether the cluster passes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from kubernetes.utils.quantity import parse_quantity

from seatrial.fixtures import (
    Cluster,
    Guest,
    Guests,
    History,
    KubeVirtConfig,
    Migration,
    Outcome,
    Policies,
    Refused,
    Report,
    VirtualMachine,
    VirtualMachines,
    check,
    not_exercised,
)
from seatrial.fixtures.kinds import Object
from seatrial.fixtures.limits import MIGRATION
from seatrial.fixtures.loadrate import MeasuredRate, measure_rate
from seatrial.fixtures.vmspec import VM_LABEL, Change, one_connection

from .plans import MIB, Busy, Plan, Wish, choose, ends
from .prediction import Case, End, Strategy, predict
from .throughput import Throughput

FASTEST = 0.2
"""A load and a migration take their time on the fastest cluster, too."""
SLOWEST = 1.0
"""MiB a second that a network may give of which nothing is known."""
GRACE = 30.0
"""Ordinary seconds beyond all time-outs of a migration in which its end must have been seen."""
COOL, COOLER = 10.0, 4
"""MiB a second that a guest writes which is to converge; on a slow network so many times less than that gives."""
TABLE = "Prediction"


@dataclass(frozen=True)
class Trial:
    """One migration under way, and what it is expected to come to."""

    busy: Busy
    plan: Plan
    migration: Migration

    @property
    def case(self) -> Case:
        return self.plan.case(self.busy)


class Trials:
    """Makes guests busy, migrates them, and compares the ends with the predictions."""

    def __init__(
        self,
        cluster: Cluster,
        history: History,
        vms: VirtualMachines,
        guests: Guests,
        policies: Policies,
        report: Report,
        throughput: Throughput,
    ) -> None:
        self.history, self.throughput = history, throughput
        self._cluster, self._vms, self._guests = cluster, vms, guests
        self._policies, self._report = policies, report

    @property
    def pace(self) -> float:
        """How slow the cluster is, as the run was told, where an ordinary one is 1."""
        return max(FASTEST, self.history.scale)

    def seconds(self, ordinary: int) -> int:
        """A time-out that an ordinary cluster has to be given, for this one."""
        return max(1, round(ordinary * self.pace))

    def busy(
        self, *rates: float, working_set: int = 48, change: Change | None = None, parallel: bool = False
    ) -> list[Busy]:
        """One VM for each rate, writing as fast as that; `math.inf` is as fast as it can, and 0 leaves it idle.

        Their migrations get one connection, unless `parallel` ones are wanted.
        """

        def changed(spec: Object) -> None:
            if not parallel:
                one_connection(spec)
            if change:
                change(spec)

        made = [self._vms.create(wait=False, change=changed) for _ in rates]
        for vm in made:
            vm.wait_running()
        guests = [self._guests.of(vm) for vm in made]
        for guest, rate in zip(guests, rates, strict=True):
            if rate:
                guest.load(working_set=working_set, rate=0 if rate == math.inf else rate)
        return [_measured(vm, guest, rate, working_set) for vm, guest, rate in zip(made, guests, rates, strict=True)]

    def slowest(self, busy: Busy) -> float:
        """MiB a second that the network gives its migrations, as far as is known; infinite where nothing is."""
        return self.throughput.slowest(busy.source)

    def cool(self) -> float:
        """MiB a second that a guest may write whose migration has to converge, on a slow network too."""
        nodes = self._cluster.migration_nodes
        return max(1.0, min(COOL, self.throughput.slowest(nodes[0]) / COOLER))

    def plan(self, busy: Busy, wish: Wish) -> Plan:
        """A plan by which a guest's migration comes to the wished end beyond doubt; skips the test without one."""
        return choose(busy, wish, self.slowest(busy), self.pace)

    def begin(self, busy: Busy, plan: Plan) -> Trial:
        """Migrate under a policy for this VM alone."""
        self.allow(busy.vm, plan)
        return Trial(busy, plan, busy.vm.migrate())

    def allow(self, vm: VirtualMachine, plan: Plan) -> str:
        """A policy for one VM; its name."""
        strategy = plan.strategy
        knobs: dict[str, Any] = {
            "bandwidthPerMigration": f"{plan.bandwidth}Mi",
            "completionTimeoutPerGiB": plan.per_gib,
            "allowAutoConverge": strategy is Strategy.AUTO_CONVERGE,
            "allowPostCopy": strategy is Strategy.POST_COPY,
        }
        if self._cluster.version >= (1, 5):
            knobs["allowWorkloadDisruption"] = strategy in (Strategy.POST_COPY, Strategy.PAUSE)
        return self._policies.create({VM_LABEL: vm.name}, **knobs)

    def finish(self, trial: Trial) -> Outcome:
        """Wait for the end, give the table its row, and hold the end against the prediction.

        Skips the test where the network gave less than the prediction rests on, and that explains the end.
        """
        prediction = predict(trial.case)
        outcome = self.wait_final(trial)
        end = end_of(outcome)
        slower = self._slower(trial, outcome, end) if end and end not in prediction.ends else ""
        self._tell(trial, str(prediction), outcome, holds=end in prediction.ends or bool(slower))
        if slower:
            not_exercised(f"{_named(trial)} was expected to end so: {prediction}; it {end}, and {slower}")
        observed = str(end) if end else outcome.told()
        told = f"{_named(trial)} ends as predicted"
        check(told, str(prediction), observed, end in prediction.ends, timed=end is not None)
        return outcome

    def _slower(self, trial: Trial, outcome: Outcome, end: End) -> str:
        """What is known of a network that is so slow now that it explains the end; empty where it does not."""
        speed = self.throughput.look(outcome.source_node, outcome.target_node)
        rate = speed.rate if speed else SLOWEST
        explains = rate < trial.case.at_worst and end in ends(replace(trial.plan, slowest=rate), trial.busy)
        if not explains:
            return ""
        return f"another migration made {speed}" if speed else "how much the network gives cannot be measured"

    def wait_final(self, trial: Trial) -> Outcome:
        """Wait for the end. What KubeVirt is told to wait is not scaled, and so neither is this."""
        longest = 2 * trial.case.timeout + GRACE * self.pace
        return trial.migration.wait_final(max(MIGRATION, longest / self.history.scale))

    def _tell(self, trial: Trial, expected: str, outcome: Outcome, *, holds: bool) -> None:
        row = {
            "strategy": str(trial.case.strategy),
            "bandwidth (MiB/s)": trial.case.bandwidth,
            "dirty rate asked (MiB/s)": trial.busy.asked,
            "dirty rate measured (MiB/s)": round(trial.busy.rate, 1),
            "time-out (s)": trial.case.timeout,
            "expected": expected,
            "observed": f"{end_of(outcome) or outcome.phase}, in {outcome.seconds or 0:.0f} s",
        }
        self._report.table(TABLE, **row, holds=holds)


def configure(config: KubeVirtConfig, migrations: Object) -> None:
    """Change the cluster's migration configuration for the test; skips it where the run has no right to."""
    try:
        config.change({"migrations": migrations})
    except Refused as refused:
        if refused.code != 403:
            raise
        pytest.skip(f"no right to change the KubeVirt object (deploy/rbac-disruptive.yaml gives it): {refused.message}")


def _measured(vm: VirtualMachine, guest: Guest, asked: float, working_set: int) -> Busy:
    """Once the loads of all the test's guests write: guests on one node take something from one another."""
    found = measure_rate(guest) if asked else MeasuredRate(0.0, guest.state())
    vmi = vm.vmi()
    size = working_set if asked else 0
    return Busy(vm, guest, asked, found.rate, size, memory_of(vmi), found.state, vmi["status"]["nodeName"])


def memory_of(vmi: Object) -> float:
    """MiB of memory that the guest has."""
    domain = vmi["spec"]["domain"]
    asked = (domain.get("memory") or {}).get("guest") or domain["resources"]["requests"]["memory"]
    parsed: Any = parse_quantity
    return float(parsed(asked)) / MIB


def end_of(outcome: Outcome) -> End | None:
    """The end as the cluster tells it; None for one that has nothing to do with convergence."""
    if outcome.succeeded:
        return {"PreCopy": End.CONVERGED, "PostCopy": End.POST_COPY, "Paused": End.PAUSED}.get(outcome.mode)
    return End.TIMED_OUT if outcome.aborted and not outcome.abort_requested else None


def _named(trial: Trial) -> str:
    case = trial.case
    return f"{case.strategy} at {case.bandwidth:g} MiB/s of {case.dirty_rate:.0f} MiB/s over {case.working_set:g} MiB"
