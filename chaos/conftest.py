"""What the suite's files share."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Guests, Policies, Report, Stage, VirtualMachines

from .arena import Arena
from .trial import Trial


@pytest.fixture
def trial(stage: Stage, vms: VirtualMachines, guests: Guests, policies: Policies, report: Report) -> Trial:
    """Where VMs are hit while they migrate."""
    return Trial(Arena(stage, vms, guests, policies), guests, stage, report)
