"""What the suite's files share."""

from __future__ import annotations

import pytest

from seatrial.fixtures import History

from .traffic import Traffic


@pytest.fixture
def traffic(history: History) -> Traffic:
    """Factory of loads on the guests behind Services."""
    return Traffic(history)
