"""Many VMs at once: what their users are given while a node's VMs have to leave, or stand in the queue to migrate."""

from __future__ import annotations

from collections import Counter

import pytest

from seatrial.fixtures import (
    Evictions,
    History,
    Migration,
    Report,
    Services,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
    not_exercised,
)

from .moves import Move, leaving, move_of, under_way
from .plan import Curve, steady
from .servicelevel import GRACE, ServiceLevel
from .storm import TOO_MANY_REQUESTS, Limits, evict, gather
from .telling import show_queue, tell
from .traffic import Load, Traffic

pytestmark = pytest.mark.usefixtures("two_nodes")
USERS_PER_VM = 1.5
PAUSE = 0.3
SERVED_PER_VM = 5
SECONDS_PER_VM = 60.0
"""Of a storm's limit: the last VM of a queue waits for all the others."""


@pytest.mark.exclusive
@pytest.mark.requirement("SCA-01")
def test_vms_that_have_to_leave_their_node_move_and_serve(
    stage: Stage,
    vms: VirtualMachines,
    evictions: Evictions,
    services: Services,
    traffic: Traffic,
    report: Report,
    history: History,
) -> None:
    """All are evicted at once, as by a drain: each moves, and loses requests at its own switch-over only."""
    storm = some(gather(stage, vms))
    with traffic.on(*map(services.expose, storm), curve=_crowd(storm), pause=PAUSE) as load:
        load.wait_served(SERVED_PER_VM * len(storm))
        left = {vm.name: vm.node() for vm in storm}
        refusals = Counter(refused.code if (refused := evict(stage, vm)) else 0 for vm in storm)
        check("answers to the evictions", {TOO_MANY_REQUESTS: len(storm)}, dict(refusals))
        for vm in storm:
            _wait_elsewhere(vm, left[vm.name], len(storm))
        moved = [_evacuation(evictions, vm) for vm in storm]
        moves = [_ended(history, migration, number, storm) for number, migration in enumerate(moved)]
        load.wait_served(SERVED_PER_VM * len(storm), after=GRACE)
    _judge(load, moves, report, f"{len(storm)} VMs leave a node")


@pytest.mark.exclusive
@pytest.mark.requirement("LOAD-04")
def test_vms_that_wait_for_their_turn_serve(
    stage: Stage, vms: VirtualMachines, services: Services, traffic: Traffic, report: Report, history: History
) -> None:
    """All are to migrate at once: the limits hold, each has its turn, and who waits for it is served undisturbed."""
    storm, limits = some(gather(stage, vms)), Limits.of(stage.cluster)
    with traffic.on(*map(services.expose, storm), curve=_crowd(storm), pause=PAUSE) as load:
        load.wait_served(SERVED_PER_VM * len(storm))
        asked = [vm.migrate() for vm in storm]
        moves = [_ended(history, migration, number, storm) for number, migration in enumerate(asked)]
        load.wait_served(SERVED_PER_VM * len(storm), after=GRACE)
    show_queue(report, f"{len(storm)} migrations at once", moves, limits)
    _check_limits(asked, moves, limits)
    _judge(load, moves, report, f"{len(storm)} migrations at once")


def some(storm: list[VirtualMachine]) -> list[VirtualMachine]:
    """Skips the test where there is none."""
    return storm or not_exercised("the nodes do not bear one VM more")


def _crowd(storm: list[VirtualMachine]) -> Curve:
    return steady(round(len(storm) * USERS_PER_VM))


def _wait_elsewhere(vm: VirtualMachine, source: str, count: int) -> None:
    """A VMI without a node is another one, that has still to start."""
    vm.wait(f"has left {source}", lambda vmi: vmi["status"].get("nodeName", source) != source, SECONDS_PER_VM * count)


def _evacuation(evictions: Evictions, vm: VirtualMachine) -> Migration:
    """The last migration that was made to evacuate a VM, whether it is still there or not."""
    evictions.wait_evacuation(vm)
    return evictions.evacuations(vm)[-1]


def _ended(history: History, migration: Migration, number: int, storm: list[VirtualMachine]) -> Move:
    migration.wait_succeeded(SECONDS_PER_VM * len(storm))
    return move_of(history, migration, number)


def _check_limits(asked: list[Migration], moves: list[Move], limits: Limits) -> None:
    most = max(count for _, count in under_way(moves))
    check("migrations under way at once", f"{limits.cluster} at most", f"{most:g}", most <= limits.cluster)
    sources: dict[str, list[Move]] = {}
    for migration, move in zip(asked, moves, strict=True):
        sources.setdefault(migration.outcome().source_node, []).append(move)
    for node, own in sources.items():
        most = max(count for _, count in leaving(own))
        check(f"migrations leaving {node} at once", f"{limits.node} at most", f"{most:g}", most <= limits.node)


def _judge(load: Load, moves: list[Move], report: Report, scenario: str) -> None:
    level = ServiceLevel(load.samples, moves)
    began, ended = min(move.asked for move in moves), max(move.ended for move in moves)
    tell(report, scenario, level, [("VMs are moving", began, ended)])
    level.check()
