"""Durations as the KubeVirt object has them."""

from __future__ import annotations

import pytest

from seatrial.lab.controllers.kubevirt.workloadupdater import seconds


@pytest.mark.parametrize(
    ("said", "meant"), [(None, 60.0), ("", 60.0), ("5s", 5.0), ("1m30s", 90.0), ("2h0m0s", 7200.0)]
)
def test_an_interval_is_a_go_duration(said: str | None, meant: float) -> None:
    assert seconds(said, 60.0) == meant
