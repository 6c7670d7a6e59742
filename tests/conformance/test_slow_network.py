"""What the suite makes of a network that gives less than is asked for: a lab's whose cards are slow."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.runs import cases_of, run_suites
from tests.labs import running_lab


def outcomes(folder: Path, speed: int, *requirements: str) -> list[tuple[str, str]]:
    """Outcome and reason of each test of these requirements, with so many MiB a second between nodes."""
    with running_lab(folder, "--network-speed", str(speed)) as kubeconfig:
        options = ["--kubeconfig", str(kubeconfig), "--time-scale", "0.2"]
        records, _ = run_suites(folder, cases_of(requirements), [], options=options)
    return [(record["outcome"], record["reason"] or "") for record in records if record["type"] == "test"]


def test_a_slow_network_is_given_more_time(tmp_path: Path) -> None:
    """Neither a guest that converges nor one that does not is called a finding for it."""
    assert [outcome for outcome, _ in outcomes(tmp_path, 20, "STR-01", "STR-06")] == ["passed"] * 3


def test_a_limit_above_what_the_network_gives_is_not_exercised(tmp_path: Path) -> None:
    """Slower than a limit is no breach where nothing is faster."""
    ((outcome, reason),) = outcomes(tmp_path, 4, "STR-07")
    assert outcome == "skipped"
    assert reason.startswith("not exercised: ")
    assert "MiB/s instead of 4.5 to 5.5 MiB/s; another migration right after it made " in reason
