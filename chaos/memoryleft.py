"""How much of its memory a guest has yet to send: libvirt knows, and is asked in the source's launcher.

No object tells it, so no watch can; virt-handler's metrics do, but are up to five seconds old. `virsh` belongs to the
launcher's image, and is what people look with at a migration under way.
"""

from __future__ import annotations

import re
from contextlib import suppress

from seatrial.fixtures.execute import execute
from seatrial.fixtures.history import History, NotSeen
from seatrial.fixtures.limits import SETTLE
from seatrial.fixtures.transport import Unreachable

from .actions.launchers import COMPUTE
from .moments import Moment, Outrun, beyond
from .scene import Scene, Side, Unfit

QUARTER = 0.25
NO_COMMAND = (126, 127)
_LINE = re.compile(r"^Memory (remaining|total):\s+([\d.]+) ([KMGT]i)?B\s*$", re.MULTILINE)
_UNITS = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


def await_share_left(scene: Scene, share: float) -> float:
    """Wait until at most this share of the guest's memory is left to send: the seconds of the history when it was told.

    Raises Outrun when the migration ended before, and Unfit where nobody can be asked.
    """
    pod = scene.pod(Side.SOURCE)["metadata"]["name"]
    command = ("virsh", "domjobinfo", f"{scene.namespace}_{scene.vm}")
    while True:
        try:
            ran = execute(scene.api, scene.namespace, pod, COMPUTE, command)
        except Unreachable:  # a source's launcher ends a moment before its migration says so
            _await_end(scene)
            raise
        told = scene.history.elapsed()
        if ran.code in NO_COMMAND:
            raise Unfit(f"the launcher does not tell how much memory is left: {(ran.errors or ran.output).strip()}")
        left = share_left(ran.output)
        if left is not None and left <= share:
            return told
        _require_under_way(scene)


def _await_end(scene: Scene) -> None:
    """Raises Outrun once the migration is over; nothing when it is not over soon."""
    with suppress(NotSeen):
        scene.history.wait("the migration is over", lambda seen: bool(_past(seen, scene)), SETTLE)
        _require_under_way(scene)


def _require_under_way(scene: Scene) -> None:
    if past := _past(scene.history, scene):
        raise Outrun(f"not exercised, {past}")


def _past(history: History, scene: Scene) -> str | None:
    return beyond(history, scene.migration, Moment.QUARTER_LEFT)


def share_left(output: str) -> float | None:
    """Of what `virsh domjobinfo` says, the share of the memory that remains; None where there is no job."""
    sizes = {name: float(number) * _UNITS[unit] for name, number, unit in _LINE.findall(output)}
    return sizes["remaining"] / sizes["total"] if sizes.get("total") else None
