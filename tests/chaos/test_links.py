"""Links are shaped and cleared by commands, which may find nothing to clear, or a kernel that cannot shape."""

from __future__ import annotations

from typing import Any, cast

import pytest

from seatrial.chaos.actions.links import CUT, shaping
from seatrial.chaos.scene import Scene, Side, Unfit
from seatrial.fixtures.history import History
from seatrial.fixtures.nodetools import CommandFailed

CLEAN = "Error: Cannot delete qdisc with handle of zero."


class Tools:
    """Notes what is run; what `fails` says something of fails."""

    node = "worker-1"

    def __init__(self, **fails: str) -> None:
        self.fails, self.ran = fails, list[str]()

    def run(self, *command: str) -> str:
        verb = next((word for word in ("pgrep", "replace", "del") if word in command), "")
        self.ran.append(verb)
        if verb in self.fails:
            raise CommandFailed(self.fails[verb])
        return "4711\n"

    def arm(self, seconds: float, *command: str) -> None:
        assert command[:3] == ("nsenter", "--target", "4711")
        self.ran.append("arm")

    def disarm(self) -> None:
        self.ran.append("disarm")


class Cluster:
    def list(self, *_: object) -> list[dict[str, Any]]:
        return [{"spec": {"configuration": {"migrations": {"network": "migration"}}}}]


def scene(tools: Tools) -> Scene:
    return Scene(cast(Any, Cluster()), History(), "kubevirt", "ns", "vm", tools={Side.SOURCE: cast(Any, tools)})


def test_a_link_is_cleared_and_its_timer_stopped() -> None:
    tools = Tools()
    with (place := scene(tools)).undoing:
        assert shaping(*CUT)(place, Side.SOURCE)() == "migration0 of virt-handler on worker-1: loss 100%"
        assert tools.ran == ["pgrep", "arm", "replace"]
    assert tools.ran[3:] == ["del", "disarm"]


def test_a_kernel_without_netem_is_not_fit() -> None:
    tools = Tools(replace="Error: Specified qdisc kind is unknown.", **{"del": CLEAN})
    with pytest.raises(Unfit, match="kind is unknown"), (place := scene(tools)).undoing:
        shaping(*CUT)(place, Side.SOURCE)()
    assert tools.ran[-1] == "disarm"


def test_a_link_that_is_not_cleared_is_told_of_and_left_to_the_timer() -> None:
    tools = Tools(**{"del": "nsenter: cannot open"})
    with pytest.raises(CommandFailed, match="cannot open"), (place := scene(tools)).undoing:
        shaping(*CUT)(place, Side.SOURCE)()
    assert "disarm" not in tools.ran
