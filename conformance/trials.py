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
    GuestState,
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
)
from seatrial.fixtures.kinds import Object
from seatrial.fixtures.limits import MIGRATION
from seatrial.fixtures.loadrate import MeasuredRate, measure_rate
from seatrial.fixtures.vmspec import VM_LABEL, Change, one_connection

from .prediction import Case, End, Strategy, acceptable_seconds, predict

MIB = 1 << 20
FASTEST = 0.2
"""A load and a migration take their time on the fastest cluster, too."""
GRACE = 30.0
"""Ordinary seconds beyond all time-outs of a migration in which its end must have been seen."""
TABLE = "Prediction"


@dataclass(frozen=True)
class Busy:
    """A VM whose guest keeps writing: MiB a second as asked and as measured, and the MiB that it writes over.

    `before` is what the guest said last, on the node `source`.
    """

    vm: VirtualMachine
    guest: Guest
    asked: float
    rate: float
    working_set: float
    memory: float
    before: GuestState
    source: str


@dataclass(frozen=True)
class Plan:
    """How a migration is to be done: MiB a second, and completionTimeoutPerGiB. `speed` as a `Case` has it."""

    bandwidth: int
    per_gib: int
    strategy: Strategy
    speed: float | None = None

    def case(self, busy: Busy) -> Case:
        """What is known of the migration before it is made."""
        acceptable = acceptable_seconds(self.per_gib, int(busy.memory * MIB))
        case = Case(busy.memory, busy.working_set, busy.rate, self.bandwidth, acceptable, self.strategy)
        return replace(case, speed=self.speed)


@dataclass(frozen=True)
class Trial:
    """One migration under way, and what it is expected to come to."""

    busy: Busy
    case: Case
    migration: Migration


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
    ) -> None:
        self.history = history
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

    def begin(self, busy: Busy, plan: Plan) -> Trial:
        """Migrate under a policy for this VM alone."""
        self.allow(busy.vm, plan)
        return Trial(busy, plan.case(busy), busy.vm.migrate())

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
        """Wait for the end, give the table its row, and hold the end against the prediction."""
        prediction = predict(trial.case)
        outcome = self.wait_final(trial)
        end = end_of(outcome)
        self._tell(trial, str(prediction), outcome, holds=end in prediction.ends)
        observed = str(end) if end else outcome.told()
        check(f"{_named(trial)} ends as predicted", str(prediction), observed, end in prediction.ends)
        return outcome

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


def certain(case: Case, end: End) -> None:
    """Skip the test where the guest, as it was measured, does not make for this end beyond doubt."""
    prediction = predict(case)
    if prediction.ends != {end}:
        pytest.skip(
            f"not exercised: a guest that writes {case.dirty_rate:.0f} MiB/s with {case.bandwidth:g} MiB/s to move by "
            f"{prediction}"
        )


def _named(trial: Trial) -> str:
    case = trial.case
    return f"{case.strategy} at {case.bandwidth:g} MiB/s of {case.dirty_rate:.0f} MiB/s over {case.working_set:g} MiB"
