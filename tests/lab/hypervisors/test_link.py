"""A card shared by many migrations."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from seatrial.lab.hypervisors.link import Link


def test_flow_alone_has_all() -> None:
    with Link(100).flow() as flow:
        assert flow.offer == 100


def test_even_shares() -> None:
    link = Link(100)
    with link.flow() as one, link.flow() as other:
        assert (one.offer, other.offer) == (50, 50)
    assert link.flows == 0


def test_what_a_modest_flow_leaves_goes_to_the_others() -> None:
    link = Link(100)
    with link.flow() as modest, link.flow() as one, link.flow() as other:
        modest.demand = 10
        assert (one.offer, other.offer) == (45, 45)
        assert modest.offer == pytest.approx(100 / 3)


def test_flow_that_wants_more_gets_what_the_modest_leave_whatever_it_took_before() -> None:
    link = Link(100)
    with link.flow() as one, link.flow() as other:
        one.demand = other.demand = 5
        assert one.offer == 95


def test_a_crowd_never_gets_more_than_there_is() -> None:
    link = Link(1000)
    with ExitStack() as stack:
        flows = [stack.enter_context(link.flow()) for _ in range(200)]
        for number, flow in enumerate(flows):
            flow.demand = number % 11
        assert sum(min(flow.demand, flow.offer) for flow in flows) <= 1000 + 1e-6
        assert min(flow.offer for flow in flows) >= 5
