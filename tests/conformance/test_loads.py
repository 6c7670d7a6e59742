"""What the suite makes of guests whose loads start late, or never: images of the lab play them."""

from __future__ import annotations

from pathlib import Path

from tests.conformance.runs import cases_of, run_suites

CASES = cases_of({"STR-06", "GST-06"})


def outcomes(folder: Path, image: str) -> dict[str, tuple[str, str]]:
    """Outcome and reason of each test, by its requirements."""
    records, _ = run_suites(folder, CASES, [], options=["--guest-image", f"registry.example.com/{image}"])
    ended = [record for record in records if record["type"] == "test"]
    return {", ".join(record["requirements"]): (record["outcome"], record["reason"]) for record in ended}


def test_a_load_that_starts_seconds_late_is_measured_all_the_same(tmp_path: Path) -> None:
    found = outcomes(tmp_path, "late-load")
    assert {name: outcome for name, (outcome, _) in found.items()} == {"STR-06": "passed", "GST-06": "passed"}


def test_a_load_that_never_starts_is_told_as_that(tmp_path: Path) -> None:
    for outcome, reason in outcomes(tmp_path, "dead-load").values():
        assert outcome == "skipped"
        assert "not exercised: the load on vm wrote no page" in reason
        assert "the guest says that its load has ended: killed by signal 9" in reason
