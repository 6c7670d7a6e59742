from __future__ import annotations

import pytest

from seatrial.fixtures.route import Route
from seatrial.load.plan import USERS_PER_PROCESS, Curve, Plan, ramp, spike, steady


@pytest.mark.parametrize(
    ("curve", "users"),
    [
        (steady(6), [6, 6, 6, 6, 6]),
        (ramp(2, 12, 10.0), [2, 4, 7, 12, 12]),
        (spike(2, 12, after=2.0, lasts=5.0), [2, 2, 12, 2, 2]),
    ],
    ids=["steady", "ramp", "spike"],
)
def test_shapes(curve: Curve, users: list[int]) -> None:
    assert [curve.at(seconds) for seconds in (0.0, 2.0, 5.0, 10.0, 100.0)] == users
    assert curve.most == max(users)


def test_a_plan_survives_its_journey() -> None:
    plan = Plan((Route("10.0.0.1", 8080), Route("::1", 443, tls=True, authorization="Bearer x")), ramp(1, 5, 3.0), 0.2)
    assert Plan.read(plan.written()) == plan


@pytest.mark.parametrize(
    ("users", "workers"),
    [(1, 0), (USERS_PER_PROCESS, 0), (USERS_PER_PROCESS + 1, 2), (3 * USERS_PER_PROCESS, 3)],
)
def test_many_users_are_spread_over_workers(users: int, workers: int) -> None:
    assert Plan((), steady(users), 0.1).workers == workers
