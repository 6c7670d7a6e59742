"""What the suite's files share."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Guests, Policies, Stage, VirtualMachines

from .arena import Arena


@pytest.fixture
def arena(stage: Stage, vms: VirtualMachines, guests: Guests, policies: Policies) -> Arena:
    """Where VMs are hit while they migrate."""
    return Arena(stage, vms, guests, policies)
