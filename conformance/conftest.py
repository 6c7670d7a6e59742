"""What several of the suite's files need: accounts with few rights."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Stage

from .accounts import Accounts


@pytest.fixture
def accounts(stage: Stage) -> Accounts:
    """Factory of ServiceAccounts with a role in the test's namespace."""
    return Accounts(stage)
