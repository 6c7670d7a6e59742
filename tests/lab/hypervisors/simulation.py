"""A recorded migration, calculated anew: the lab's own arithmetic, driven without a clock."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.lab.hypervisors.memory import MIB, PAGE
from seatrial.lab.hypervisors.precopy import Machine, PreCopy

from .recordings import Recording

SETUP, DEVICES = 0.008, 0.009
"""What QEMU takes before the first page, and for the devices' state and the switch-over: seconds."""
LINK = 600.0 * MIB
"""Full speed between the recorded nodes, in bytes a second."""
MACHINE = Machine(fresh=170.0 * MIB, again=LINK, zeros=PAGE / 2.5e-6, buffer=11.0 * MIB)
STEP = 1.0
HOPELESS = 600.0


@dataclass(frozen=True)
class Outcome:
    """What came of a migration: seconds, bytes, bitmap reads."""

    total: float
    sent: int
    rounds: int
    pause: float | None
    reported: float | None
    """What QEMU would say of the pause."""
    converged: bool


def simulate(recording: Recording) -> Outcome:
    """Calculate a recorded migration from what went into it."""
    physics = PreCopy(
        recording.memory,
        recording.limit,
        recording.permitted,
        auto_converge=recording.auto_converge,
        connections=recording.connections,
        compression=recording.compression,
        machine=MACHINE,
    )
    switch, end = recording.switched_at, recording.ran_until
    _until(physics, switch or end or HOPELESS)
    if physics.converged:
        return _converged(recording, physics)
    return _post_copy(recording, physics) if switch is not None else _given_up(physics)


def _until(physics: PreCopy, at: float) -> None:
    while not physics.converged and (rest := at - SETUP - physics.stats().elapsed) > 1e-6:
        physics.advance(min(STEP, rest), LINK)


def _post_copy(recording: Recording, physics: PreCopy) -> Outcome:
    physics.advance(physics.looks_up_in, LINK)
    physics.switch()
    physics.limit = recording.post_copy_limit
    _until(physics, HOPELESS)
    return _outcome(physics, DEVICES, None, DEVICES)


def _converged(recording: Recording, physics: PreCopy) -> Outcome:
    rest = physics.stop(LINK)
    pause = recording.held + DEVICES + rest.seconds
    in_sockets = max(rest.sent / LINK, rest.seconds - MACHINE.buffer / MACHINE.fresh)
    reported = pause if recording.return_path else DEVICES + in_sockets
    return _outcome(physics, reported, pause, reported)


def _given_up(physics: PreCopy) -> Outcome:
    return _outcome(physics, 0.0, None, None, converged=False)


def _outcome(
    physics: PreCopy, more: float, pause: float | None, reported: float | None, *, converged: bool = True
) -> Outcome:
    stats = physics.stats()
    return Outcome(stats.elapsed + SETUP + more, stats.processed, stats.iteration, pause, reported, converged)
