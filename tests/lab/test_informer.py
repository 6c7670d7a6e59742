"""The work queue of controllers."""

from __future__ import annotations

import pytest

from seatrial.lab.informer import retry_after


@pytest.mark.parametrize(("failures", "seconds"), [(0, 0.005), (1, 0.01), (17, 655.36), (18, 1000.0), (5000, 1000.0)])
def test_work_that_fails_is_tried_again_ever_later(failures: int, seconds: float) -> None:
    assert retry_after(failures) == pytest.approx(seconds)
