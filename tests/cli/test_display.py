import io

from rich.console import Console

from seatrial.display import LiveDisplay, PlainDisplay, clock, line, make_display, short
from seatrial.progress import Progress
from seatrial.reports import records
from tests.reports import sample


def progress_of(*items: sample.Record) -> Progress:
    progress = Progress()
    for item in items:
        progress.take(item)
    return progress


def test_progress_knows_what_runs_and_what_is_done() -> None:
    first, second = sample.result(1)["test"], sample.result(2)["test"]
    progress = progress_of(
        {"type": "collected", "tests": 3},
        {"type": "test-start", "test": first, "t": 1.0},
        {"type": "test-start", "test": second, "t": 1.5},
        sample.result(1, "failed"),
    )
    assert (progress.total, len(progress.done), progress.failures) == (3, 1, 1)
    assert progress.running == {second: 1.5}


def test_a_terminal_gets_a_picture_and_a_file_gets_lines() -> None:
    progress = Progress()
    assert isinstance(make_display(Console(file=io.StringIO(), force_terminal=True), progress), LiveDisplay)
    assert isinstance(make_display(Console(file=io.StringIO()), progress), PlainDisplay)


def test_the_picture_shows_what_runs_and_how_far_it_is() -> None:
    out = io.StringIO()
    progress = progress_of(
        {"type": "collected", "tests": 4},
        {"type": "test-start", "test": "a.py::test_now", "t": 1.0},
        sample.result(1),
        sample.result(2, "skipped", reason="no"),
    )
    with LiveDisplay(Console(file=out, force_terminal=True, width=100), progress) as display:
        display.ended(records.test(sample.result(3, "failed", message="broken")))
        display.refresh()
    assert "test_now" in out.getvalue()
    assert "2/4" in out.getvalue()
    assert "1 skipped" in out.getvalue()
    assert "broken" in out.getvalue()


def test_a_line_names_outcome_requirement_and_test() -> None:
    test = records.test(sample.result(1, "skipped", reason="no storage", test="a.py::test_it[rwx]", duration=0.44))
    assert line(test) == "skipped TUT-01 test_it[rwx] 0.4 s: no storage"


def test_a_line_tells_a_finding() -> None:
    message = "seatrial.fixtures.findings.Finding: conditions"
    test = records.test(sample.result(1, "failed", message=message, expected="a", observed="b", test="t", duration=1))
    assert line(test) == "failed  TUT-01 t 1.0 s: conditions: expected a, observed b"


def test_words() -> None:
    assert short("a.py::TestA::test_b[x]") == "test_b[x]"
    assert clock(125.9) == "2:05"
