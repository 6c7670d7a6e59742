"""What the users of one VM are given while it moves: once, there and back, and with ever more of them."""

from __future__ import annotations

import pytest

from seatrial.fixtures import History, Report, Services, VirtualMachine, VirtualMachines

from .moves import Move, move_of
from .plan import Curve, ramp, spike
from .servicelevel import GRACE, ServiceLevel
from .telling import tell
from .traffic import USERS, Load, Traffic

pytestmark = pytest.mark.usefixtures("two_nodes")
SERVED = 60
"""Requests that have to be answered before, between and after migrations, to say how well."""
CROWD = 30


@pytest.mark.requirement("LOAD-01")
def test_requests_are_lost_at_the_switch_over_only(
    vms: VirtualMachines, services: Services, traffic: Traffic, report: Report, history: History
) -> None:
    """One migration under a steady load: readers, a writer and a poller."""
    vm = vms.create()
    with traffic.on(services.expose(vm)) as load:
        load.wait_served(SERVED)
        moves = [_move(vm, history)]
        load.wait_served(SERVED, after=GRACE)
    _judge(load, moves, report, "one migration")


@pytest.mark.requirement("LOAD-02")
def test_a_vm_that_comes_back_serves_as_before(
    vms: VirtualMachines, services: Services, traffic: Traffic, report: Report, history: History
) -> None:
    """There and back under a steady load: nothing of the first migration is left in the way of the second."""
    vm = vms.create()
    with traffic.on(services.expose(vm)) as load:
        load.wait_served(SERVED)
        moves = [_move(vm, history)]
        load.wait_served(SERVED)
        moves.append(_move(vm, history))
        load.wait_served(SERVED, after=GRACE)
    _judge(load, moves, report, "there and back")


@pytest.mark.requirement("LOAD-03")
@pytest.mark.parametrize(
    "curve", [ramp(USERS, CROWD, 5.0), spike(USERS, CROWD, after=1.0, lasts=600.0)], ids=["ramp", "spike"]
)
def test_a_crowd_in_the_middle_of_a_migration_is_served(
    curve: Curve,
    vms: VirtualMachines,
    services: Services,
    traffic: Traffic,
    report: Report,
    history: History,
    request: pytest.FixtureRequest,
) -> None:
    """More users come, slowly or all at once, and then the VM migrates."""
    vm = vms.create()
    with traffic.on(services.expose(vm), curve=curve) as load:
        load.wait_served(SERVED)
        load.wait_users(CROWD)
        moves = [_move(vm, history)]
        load.wait_served(SERVED, after=GRACE)
    _judge(load, moves, report, f"{request.node.callspec.id} of users")


def _move(vm: VirtualMachine, history: History) -> Move:
    migration = vm.migrate()
    migration.wait_succeeded()
    return move_of(history, migration)


def _judge(load: Load, moves: list[Move], report: Report, scenario: str) -> None:
    level = ServiceLevel(load.samples, moves)
    tell(report, scenario, level, [span for move in moves for span in move.spans()])
    level.check()
