"""Faults on the wires between pods: what gets through, how fast, and when a connection is given up."""

from __future__ import annotations

import asyncio
import math

import pytest

from seatrial.lab.disturbances import SEGMENT, WINDOW, Chain, Disturbances, Netem

HERE, THERE, ELSEWHERE = "127.64.16.1", "127.64.24.1", "127.64.32.1"


def test_without_faults_everything_gets_through() -> None:
    disturbances = Disturbances()
    assert not disturbances.cut(HERE, THERE)
    assert disturbances.ceiling(HERE, THERE) == math.inf


@pytest.mark.parametrize("at", [HERE, THERE])
def test_total_loss_at_either_end_cuts(at: str) -> None:
    disturbances = Disturbances()
    disturbances.shape(at, Netem(loss=1.0))
    assert disturbances.cut(HERE, THERE)
    assert disturbances.cut(at, ELSEWHERE)
    assert disturbances.unshape(at)
    assert not disturbances.cut(HERE, THERE)
    assert not disturbances.unshape(at)


def test_a_packet_filter_cuts_off_the_peer_that_it_names_and_each_rule_counts() -> None:
    disturbances = Disturbances()
    for _ in range(2):
        disturbances.drop(HERE, Chain.INPUT, THERE)
    assert disturbances.cut(HERE, THERE)
    assert disturbances.cut(THERE, HERE)
    assert not disturbances.cut(HERE, ELSEWHERE)
    assert [disturbances.undrop(HERE, Chain.INPUT, THERE) for _ in range(3)] == [True, True, False]
    assert not disturbances.cut(HERE, THERE)


def test_rate_loss_and_delay_limit_what_is_sent() -> None:
    disturbances = Disturbances()
    disturbances.shape(HERE, Netem(rate=1e6))
    assert disturbances.ceiling(HERE, THERE) == 1e6
    assert disturbances.ceiling(THERE, HERE) > 1e9
    disturbances.shape(HERE, Netem(delay=0.1))
    assert disturbances.ceiling(HERE, THERE) == pytest.approx(WINDOW / 0.1, rel=0.01)
    disturbances.shape(HERE, Netem(delay=0.1, loss=0.01))
    assert disturbances.ceiling(HERE, THERE) == pytest.approx(SEGMENT * 12.2 / 0.1, rel=0.01)


def test_interfaces_that_are_no_more_have_no_faults() -> None:
    disturbances = Disturbances()
    disturbances.shape(HERE, Netem(loss=1.0))
    disturbances.drop(HERE, Chain.OUTPUT, THERE)
    disturbances.forget([HERE])
    assert not disturbances.cut(HERE, THERE)


def test_who_waits_goes_on_when_the_path_is_whole_again_or_left() -> None:
    async def check() -> None:
        disturbances = Disturbances()
        disturbances.darken([THERE])
        paths = [disturbances.path(HERE, THERE) for _ in range(2)]
        for path in paths:
            path.watch(lambda: None)
        waiting = [asyncio.create_task(path.passable()) for path in paths]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        paths[0].leave()
        await waiting[0]
        disturbances.light_up([THERE])
        await waiting[1]
        assert not any(path.lost for path in paths)

    asyncio.run(check())


def test_silence_is_borne_for_so_long() -> None:
    async def check() -> None:
        disturbances, silent = Disturbances(patience=0.01), asyncio.Event()
        path = disturbances.path(HERE, THERE)
        path.watch(silent.set)
        disturbances.drop(THERE, Chain.OUTPUT, HERE)
        await silent.wait()
        await path.passable()
        assert path.lost

    asyncio.run(check())
