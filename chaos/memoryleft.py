"""How much of its memory a guest has yet to send: libvirt knows, and is asked in the source's launcher.

No object tells it, so no watch can; virt-handler's metrics do, but are up to five seconds old. `virsh` belongs to the
launcher's image, and is what people look with at a migration under way.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from seatrial.fixtures.execute import execute
from seatrial.fixtures.history import NotSeen
from seatrial.fixtures.limits import SETTLE
from seatrial.fixtures.questions import COMPUTE
from seatrial.fixtures.transport import Unreachable

from .moments import Moment, Outrun, beyond
from .scene import Scene, Side, Unfit

QUARTER = 0.25
"""Of the memory, what is left at the moment of that name."""
IMMINENT = 0.5
"""Seconds that what is left takes to be sent when the guest is about to be switched over: a third of a second is what
QEMU permits it to stand still for, and a fault takes its time, too."""
NO_COMMAND = (126, 127)
_LINE = re.compile(r"^Memory (remaining|total|bandwidth):\s+([\d.]+) ([KMGT]i)?B(?:/s)?\s*$", re.MULTILINE)
_UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


@dataclass(frozen=True)
class Left:
    """What a migration has yet to send of how much, in bytes, and how many it sends a second."""

    remaining: float
    total: float
    bandwidth: float

    def at(self, moment: Moment) -> bool:
        """Whether a moment has come that is told by how much is left."""
        if moment is Moment.QUARTER_LEFT:
            return self.remaining <= QUARTER * self.total
        return self.remaining <= IMMINENT * self.bandwidth


def await_left(scene: Scene, moment: Moment) -> float:
    """Wait until no more is left than at a moment: the seconds of the history when that was told.

    Raises Outrun when the migration ended before, and Unfit where nobody can be asked.
    """
    pod = scene.pod(Side.SOURCE)["metadata"]["name"]
    command = ("virsh", "domjobinfo", f"{scene.namespace}_{scene.vm}")
    while True:
        try:
            ran = execute(scene.api, scene.namespace, pod, COMPUTE, command)
        except Unreachable:  # a source's launcher ends a moment before its migration says so
            _await_end(scene, moment)
            raise
        told = scene.history.elapsed()
        if ran.code in NO_COMMAND:
            raise Unfit(f"the launcher does not tell how much memory is left: {(ran.errors or ran.output).strip()}")
        left = memory_left(ran.output)
        if left is not None and left.at(moment):
            return told
        _require_under_way(scene, moment)


def _await_end(scene: Scene, moment: Moment) -> None:
    """Raises Outrun once the migration is over; nothing when it is not over soon."""
    with suppress(NotSeen):
        scene.history.wait("the migration is over", lambda seen: bool(beyond(seen, scene.migration, moment)), SETTLE)
        _require_under_way(scene, moment)


def _require_under_way(scene: Scene, moment: Moment) -> None:
    if past := beyond(scene.history, scene.migration, moment):
        raise Outrun(past)


def memory_left(output: str) -> Left | None:
    """Of what `virsh domjobinfo` says, what remains of the memory; None where there is no job."""
    sizes = {name: float(number) * _UNITS[unit] for name, number, unit in _LINE.findall(output)}
    return Left(sizes["remaining"], sizes["total"], sizes.get("bandwidth", 0.0)) if sizes.get("total") else None
