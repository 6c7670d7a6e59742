"""The arithmetic of a pre-copy migration."""

from __future__ import annotations

import pytest

from seatrial.lab.hypervisors.memory import MIB, Load, Memory
from seatrial.lab.hypervisors.precopy import PreCopy

LINK = 1024.0 * MIB
GUEST = 128 * MIB


def run(physics: PreCopy, link: float = LINK, limit: float = 600.0) -> float:
    """Let the migration run until it converges; answers its duration."""
    while not physics.converged and physics.stats().elapsed < limit:
        physics.advance(physics.step(link), link)
    return physics.stats().elapsed


def migration(load: Load | None = None, limit: int = 0, downtime: float = 0.3, **more: bool) -> PreCopy:
    return PreCopy(Memory(GUEST, load), limit, downtime, **more)


def test_idle_guest_is_gone_within_two_windows() -> None:
    assert run(migration()) <= 0.2


def test_zero_pages_cost_nothing() -> None:
    physics = PreCopy(Memory(1024 * MIB), 0, 0.3)
    assert run(physics) < 0.4
    assert physics.stats().processed < 200 * MIB


@pytest.mark.parametrize("limit", [8 * MIB, 24 * MIB])
def test_limit_is_honoured(limit: int) -> None:
    physics = migration(limit=limit)
    physics.advance(2.0, LINK)
    assert physics.stats().processed == pytest.approx(2.0 * limit, rel=0.02)


def test_duration_follows_from_size_and_bandwidth() -> None:
    physics = migration(limit=16 * MIB)
    assert run(physics) == pytest.approx(Memory(GUEST).touched / (16 * MIB), rel=0.1)


def test_link_is_the_limit_when_there_is_none() -> None:
    physics = migration()
    physics.advance(1.0, 16.0 * MIB)
    assert physics.stats().processed == pytest.approx(16 * MIB, rel=0.02)


def test_more_dirt_than_bandwidth_never_converges() -> None:
    physics = migration(Load(32 * MIB, 60 * MIB), limit=32 * MIB)
    assert run(physics, limit=60.0) >= 60.0
    assert physics.stats().iteration > 10


def test_working_set_below_the_threshold_always_converges() -> None:
    physics = migration(Load(8 * MIB, 500 * MIB), limit=32 * MIB)
    assert run(physics, limit=60.0) < 10.0


def test_standing_guest_converges() -> None:
    physics = migration(Load(32 * MIB, 60 * MIB), limit=32 * MIB)
    physics.advance(10.0, LINK)
    physics.running = False
    began = physics.stats().elapsed
    assert run(physics) - began < 3.0


def test_auto_converge_throttles_until_it_converges() -> None:
    physics = migration(Load(32 * MIB, 60 * MIB), limit=32 * MIB, auto_converge=True)
    assert run(physics, limit=120.0) < 120.0
    assert 0.2 <= physics.stats().throttle <= 0.99


def test_limit_can_be_changed_in_flight() -> None:
    physics = migration(limit=1 * MIB)
    physics.advance(1.0, LINK)
    physics.limit = 0
    assert run(physics) < 1.4


def test_flush_sends_the_rest() -> None:
    physics = migration()
    run(physics)
    sent = physics.stats().processed
    rest = physics.flush()
    assert physics.stats().remaining == 0
    assert physics.stats().processed == pytest.approx(sent + rest, abs=1)


def test_remaining_only_shrinks_within_a_pass() -> None:
    physics = migration(limit=8 * MIB)
    seen = []
    while physics.stats().iteration == 1 and not physics.converged:
        seen.append(physics.stats().remaining)
        physics.advance(0.05, LINK)
    assert seen == sorted(seen, reverse=True)
