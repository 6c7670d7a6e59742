"""What a guest's users notice of others' migrations: less, when these have a network of their own.

Guests that write as fast as they can never converge, so that their migrations fill the link for as long as it takes.
Beside them a guest that does not move answers a probe.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from seatrial.fixtures import (
    Guests,
    History,
    MigrationNetwork,
    Report,
    Service,
    Services,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.networkdefinition import macvlan
from seatrial.fixtures.vmspec import prefer

pytestmark = [
    pytest.mark.exclusive,
    pytest.mark.usefixtures("two_nodes", "network_may_be_changed", "attachable"),
]
NAME = "migration-network"
STORM = 2
"""As many may leave one node at once by default."""
MEMORY, WORKING_SET = "1Gi", 640
"""MiB of a guest that are written over: more than a link of 10 Gbit/s moves in the pause that KubeVirt permits."""
SPAN = 10.0
"""Seconds over which answers are timed, on an ordinary cluster."""
NOTICED = 1.5
"""The link is taken to be the guests' bottleneck when a storm makes their answers take so many times as long."""


@dataclass(frozen=True)
class Answers:
    """How long a guest's answers took, in milliseconds."""

    quarter: float
    """Within which a quarter of them came. A full link delays every answer, a busy node only some: this tells them
    apart, and is what storms are compared by."""
    median: float
    p95: float
    count: int

    def __str__(self) -> str:
        shares = f"25 % within {self.quarter:.1f} ms, half {self.median:.1f} ms, 95 % {self.p95:.1f} ms"
        return f"{shares}, of {self.count}"


@pytest.mark.requirement("NET-28")
def test_guests_notice_less_of_a_storm(
    stage: Stage,
    migration_network: MigrationNetwork,
    vms: VirtualMachines,
    guests: Guests,
    services: Services,
    report: Report,
) -> None:
    """The same storm by the pods' network and by one of its own, and how soon a bystander answers."""
    home = stage.cluster.migration_nodes[0]
    bystander, *storm = [vms.create(memory=size, change=prefer(home)) for size in (None, *[MEMORY] * STORM)]
    if {vm.node() for vm in (bystander, *storm)} != {home}:
        pytest.skip(f"{home} has no room for {STORM} VMs of {MEMORY} and one beside them")
    for vm in storm:
        guests.of(vm).load(working_set=WORKING_SET, rate=0)
    service = services.expose(bystander)
    own = migration_network.name
    if own:
        migration_network.use(None)
        migration_network.wait_rolled_out()
    calm = timed(service, (), stage.history)
    without = timed(service, storm, stage.history)
    if own:
        migration_network.use(own)
        migration_network.wait_rolled_out()
    else:
        migration_network.set_up(macvlan(NAME))
    with_one = timed(service, storm, stage.history)
    tell({"calm": calm, "by the pods' network": without, "by the migration network": with_one}, report)
    if without.quarter < NOTICED * calm.quarter:
        pytest.skip(f"not exercised: {STORM} migrations at once do not fill the pods' network: {without} ({calm} calm)")
    check_better(calm, without, with_one)


def check_better(calm: Answers, without: Answers, with_one: Answers) -> None:
    """As a ratio, answers are nearer to those while nothing migrates than to those during a storm without a network."""
    bound = math.sqrt(calm.quarter * without.quarter)
    expected = f"25 % within {bound:.1f} ms (calm: {calm}; by the pods' network: {without})"
    check("a bystander's answers by the migration network", expected, str(with_one), with_one.quarter <= bound)


def timed(service: Service, storm: Sequence[VirtualMachine], history: History) -> Answers:
    """A guest's answers while these VMs migrate; their migrations are then cancelled."""
    with service.blackout() as seen:
        under_way = [vm.migrate() for vm in storm]
        for migration in under_way:
            migration.wait_phase("Running")
        begin = history.elapsed()
        history.never("a migration of the storm ends", lambda _: any(one.phase.final for one in under_way), SPAN)
        end = history.elapsed()
    for migration in under_way:
        migration.cancel()
        migration.wait_gone()
    took = sorted(ms for at, ms in seen.answers if begin <= at <= end)
    check("answers during the storm", "some", len(took), len(took) > 1)
    quarter, median, p95 = (took[int(len(took) * share)] for share in (0.25, 0.5, 0.95))
    return Answers(quarter, median, p95, len(took))


def tell(answers: dict[str, Answers], report: Report) -> None:
    for name, found in answers.items():
        report.measure(f"answers during a storm, {name}", round(found.median, 2), "ms")
        report.table(
            "A bystander's answers during a storm",
            migrations=name,
            **{
                "25 % within (ms)": round(found.quarter, 2),
                "median (ms)": round(found.median, 2),
                "95 % within (ms)": round(found.p95, 2),
                "answers": found.count,
            },
        )
