"""A fault that bars a migration's way, and migrations that were quicker."""

from __future__ import annotations

from typing import Any, cast

import pytest

from seatrial.chaos.faults import FAULTS
from seatrial.chaos.moments import Moment, Outrun
from seatrial.chaos.scene import Scene
from seatrial.chaos.trigger import endure
from seatrial.fixtures import History
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import MIGRATION

JOB = "job"
QUOTA = FAULTS["quota-filled"]


def endured(*phases: str, moment: Moment = Moment.PENDING) -> None:
    """Let the quota be full while a migration goes through these phases."""
    metadata = {"name": "migrate-vm", "uid": JOB}
    objects = [{"metadata": metadata, "status": {"phase": phase}} for phase in phases]
    versions = [Seen(float(at), "MODIFIED", MIGRATION.kind, item) for at, item in enumerate(objects)]
    history = History(versions, scale=1.0)
    endure(Scene(cast(Any, None), history, "kubevirt", "default", "vm", migration=JOB), QUOTA, moment)


def test_who_is_beyond_it_before_it_bars_the_way_was_quicker() -> None:
    with pytest.raises(Outrun, match="the migration was Scheduling before quota-filled could bar its way"):
        endured("Pending", "Scheduling", "Succeeded")


def test_who_fails_at_it_was_not() -> None:
    endured("Pending", "Failed")


def test_elsewhere_it_bars_nobodys_way() -> None:
    endured("Scheduling", "Scheduled", "Succeeded", moment=Moment.SCHEDULING)
