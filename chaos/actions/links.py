"""Faults of a node's link for migrations: what leaves its virt-handler is lost, late, or squeezed.

They are set in the network namespace of that virt-handler alone, on the interface of the migration network where there
is one: no workload is touched, but every migration from or to the node is. The host's own timer takes them back.
"""

from __future__ import annotations

from collections.abc import Callable

from seatrial.fixtures.kinds import KUBEVIRT
from seatrial.fixtures.nodetools import CommandFailed, NodeTools

from ..scene import Scene, Side, Strike, Unfit

MIGRATION_NETWORK, POD_NETWORK = "migration0", "eth0"
UNDONE_AT_LAST = 600.0
"""Seconds after which the host undoes the fault itself: longer than any case takes, on any cluster."""
CUT = ("loss", "100%")
LOSSY = ("loss", "5%")
DELAYED = ("delay", "100ms")
NARROW = ("rate", "8mbit")
NOTHING_THERE = ("handle of zero", "No such file or directory")
"""How tc, the newer and the older, says that an interface has no qdisc of one's own."""


def shaping(*how: str) -> Callable[[Scene, Side], Strike]:
    """The fault that shapes the link so, in the words of tc-netem."""

    def prepare(scene: Scene, side: Side) -> Strike:
        tools, device = scene.tools[side], _device(scene)
        within = (*_entering(tools), "tc", "qdisc")
        clear = (*within, "del", "dev", device, "root")
        tools.arm(UNDONE_AT_LAST, *clear)
        scene.undoing.callback(_undo, tools, clear)

        def strike() -> str:
            try:
                tools.run(*within, "replace", "dev", device, "root", "netem", *how)
            except CommandFailed as error:
                raise Unfit(str(error)) from error
            return f"{device} of virt-handler on {tools.node}: {' '.join(how)}"

        return strike

    return prepare


def _undo(tools: NodeTools, clear: tuple[str, ...]) -> None:
    """Clear the link, which may never have been shaped; a timer is stopped only when nothing is left for it to do."""
    try:
        tools.run(*clear)
    except CommandFailed as error:
        if not any(words in str(error) for words in NOTHING_THERE):
            raise
    tools.disarm()


def _entering(tools: NodeTools) -> tuple[str, ...]:
    """The beginning of a command that is run in the network namespace of the node's virt-handler."""
    pid = tools.run("pgrep", "-x", "virt-handler").split()[0]
    return ("nsenter", "--target", pid, "--net", "--")


def _device(scene: Scene) -> str:
    (kubevirt,) = scene.api.list(KUBEVIRT, scene.home)
    migrations = (kubevirt["spec"].get("configuration") or {}).get("migrations") or {}
    return MIGRATION_NETWORK if migrations.get("network") else POD_NETWORK
