"""The page of all faults is what the command prints."""

from __future__ import annotations

from pathlib import Path

from seatrial.chaos.document import document
from seatrial.chaos.table import cells

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "faults.md"


def test_the_page_is_what_the_command_prints() -> None:
    assert PAGE.read_text() == f"{document(cells())}\n", (
        "run `seatrial experiment --markdown > docs/reference/faults.md`"
    )
