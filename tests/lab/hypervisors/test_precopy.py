"""The arithmetic of a pre-copy migration."""

from __future__ import annotations

import pytest

from seatrial.lab.hypervisors.memory import MIB, Load, Memory, VmMethod
from seatrial.lab.hypervisors.precopy import PreCopy

LINK = 1024.0 * MIB
GUEST = 128 * MIB
WRITE64, PRIME_INCDEC, ZERO_ONE = VmMethod


def run(physics: PreCopy, link: float = LINK, limit: float = 600.0) -> float:
    """Let the migration run until it converges; answers its duration."""
    while not physics.converged and physics.stats().elapsed < limit:
        physics.advance(physics.step(link), link)
    return physics.stats().elapsed


def migration(load: Load | None = None, limit: int = 0, downtime: float = 0.3, *, auto: bool = False) -> PreCopy:
    return PreCopy(Memory(GUEST, load), limit, downtime, auto_converge=auto)


def test_idle_guest_is_gone_within_two_windows() -> None:
    assert run(migration()) <= 0.2


def test_zero_pages_cost_nothing() -> None:
    physics = PreCopy(Memory(1024 * MIB), 0, 0.3)
    assert run(physics) < 0.4
    assert physics.stats().processed < 200 * MIB


@pytest.mark.parametrize(("limit", "sent"), [(1, 1.25), (8, 8.75), (16, 16.25), (32, 32.5)])
def test_limit_is_honoured_to_the_next_32_pages_of_a_window(limit: int, sent: float) -> None:
    physics = migration(limit=limit * MIB)
    physics.advance(1.0, LINK)
    assert physics.stats().processed == pytest.approx(sent * MIB, rel=0.01)


def test_parallel_connections_do_not_hold_a_small_limit() -> None:
    physics = PreCopy(Memory(1024 * MIB, Load(512 * MIB, 0)), 1 * MIB, 0.3, connections=8)
    physics.advance(1.0, LINK)
    assert physics.stats().processed == pytest.approx(45 * MIB, rel=0.01)


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
    physics = migration(Load(32 * MIB, 60 * MIB), limit=32 * MIB, auto=True)
    assert run(physics, limit=120.0) < 120.0
    assert 0.2 <= physics.stats().throttle <= 0.99


def test_limit_can_be_changed_in_flight() -> None:
    physics = migration(limit=1 * MIB)
    physics.advance(1.0, LINK)
    physics.limit = 0
    assert run(physics) < 1.4


def test_what_is_left_goes_once_the_guest_has_been_stopped() -> None:
    physics = migration(limit=16 * MIB)
    run(physics)
    sent = physics.stats().processed
    rest = physics.stop(LINK)
    assert physics.stats().remaining == 0
    assert physics.stats().processed == pytest.approx(sent + rest.sent, abs=1)
    assert rest.seconds == pytest.approx(rest.sent / LINK)


def test_post_copy_sends_each_page_once() -> None:
    physics = migration(Load(32 * MIB, 60 * MIB), limit=32 * MIB)
    physics.advance(3.0, LINK)
    physics.switch()
    sent, left = physics.stats().processed, physics.left
    run(physics)
    assert physics.stats().processed - sent == pytest.approx(left, rel=0.01)
    assert physics.stats().page_faults > 0


def test_an_unpaced_load_of_zeros_costs_half() -> None:
    full, half = (migration(Load(32 * MIB, 0, method), limit=32 * MIB) for method in (WRITE64, ZERO_ONE))
    for physics in (full, half):
        physics.advance(10.0, LINK)
    assert half.stats().iteration > 1.5 * full.stats().iteration


def test_scattered_writes_dirty_less_than_ordered_ones() -> None:
    ordered, scattered = Load(32 * MIB, 32 * MIB, WRITE64), Load(32 * MIB, 32 * MIB, PRIME_INCDEC)
    assert ordered.covered(32 * MIB) == 32 * MIB
    assert scattered.covered(32 * MIB) == pytest.approx(20.2 * MIB, rel=0.01)


def test_load_that_is_stopped_leaves_its_dirt_and_no_more() -> None:
    physics = migration(Load(32 * MIB, 60 * MIB), limit=32 * MIB)
    physics.advance(3.0, LINK)
    physics.memory = Memory(GUEST)
    began = physics.stats().elapsed
    assert run(physics) - began < 3.0


def test_nothing_moves_while_the_link_is_down_but_the_guest_lives_on() -> None:
    physics = migration(Load(32 * MIB, 60 * MIB), limit=32 * MIB)
    physics.advance(1.0, LINK)
    before = physics.stats()
    physics.stall(5.0)
    assert physics.stats().remaining == before.remaining
    assert physics.stats().elapsed == pytest.approx(before.elapsed + 5.0)


def test_a_step_ends_where_the_pass_may_end() -> None:
    physics = migration(limit=32 * MIB)
    steps = []
    while not physics.converged:
        steps.append(physics.step(LINK, 1.0))
        physics.advance(steps[-1], LINK)
    assert len(steps) < 10
    assert sum(steps) == pytest.approx(physics.stats().elapsed, abs=0.1)


def test_remaining_only_shrinks_within_a_pass() -> None:
    physics = migration(limit=8 * MIB)
    seen = []
    while physics.stats().iteration == 1 and not physics.converged:
        seen.append(physics.stats().remaining)
        physics.advance(0.05, LINK)
    assert seen == sorted(seen, reverse=True)
