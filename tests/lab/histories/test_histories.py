"""The lab's histories agree with recorded ones, but for differences that are listed and argued."""

from __future__ import annotations

from pathlib import Path

import pytest

from .known import known_differences
from .page import PAGE
from .recordings import CAPTURES
from .run import run

pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason=f"no recordings of a real cluster in {CAPTURES}")


def test_every_difference_is_listed_and_every_listed_one_occurs(tmp_path: Path) -> None:
    outcome = run(tmp_path)
    assert [str(difference) for difference in outcome.verdict.unknown] == []
    assert outcome.verdict.gone == []


def test_the_page_has_every_listed_difference() -> None:
    written = PAGE.read_text()
    assert [entry.title for entry in known_differences() if f"| {entry.title}" not in written] == []
