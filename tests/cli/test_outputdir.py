from pathlib import Path

import pytest

from seatrial.errors import CommandError
from seatrial.outputdir import prepare
from seatrial.reports.render import render
from tests.reports import sample


def test_a_directory_is_made(tmp_path: Path) -> None:
    assert prepare(tmp_path / "a" / "b").is_dir()


def test_a_former_run_is_removed_but_for_pytests_cache(tmp_path: Path) -> None:
    render(sample.write(tmp_path))
    (tmp_path / ".pytest_cache").mkdir()
    prepare(tmp_path)
    assert {entry.name for entry in tmp_path.iterdir()} == {".pytest_cache", "pytest.log"}


def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    render(sample.write(tmp_path))
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(CommandError, match=r"thesis\.tex"):
        prepare(tmp_path)
    assert (tmp_path / "journal.jsonl").is_file()


@pytest.mark.parametrize("path", ["/dev/null", "/dev/null/below", "/proc/seatrial"])
def test_what_cannot_be_written_to_is_said(path: str) -> None:
    with pytest.raises(CommandError, match="cannot be written to"):
        prepare(Path(path))
