import os
import signal
import sys
from pathlib import Path

import pytest

from seatrial.pytestrun import PACKAGE, PytestRun, command_line, environment, reason_to_exit, usage_error


def test_the_command_depends_on_nothing_but_what_was_asked_for(tmp_path: Path) -> None:
    command = command_line(tmp_path, ["conformance"], 4, ["-k", "cancel"])
    assert command[1] == "-P"
    assert {f"--rootdir={PACKAGE}", f"--confcutdir={PACKAGE}", f"cache_dir={tmp_path}/.pytest_cache"} <= set(command)
    assert command[command.index("-c") + 1] == os.devnull
    assert command[command.index("-n") + 1] == "4"
    assert command[-3:] == ["-k", "cancel", str(PACKAGE / "conformance")]


def test_one_worker_is_no_worker(tmp_path: Path) -> None:
    assert "-n" not in command_line(tmp_path, ["conformance"], 1, [])


def test_the_environment_does_not_change_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--frob")
    monkeypatch.setenv("PYTEST_PLUGINS", "frob")
    found = environment(["seatrial", "certify", "-k", "a or b"])
    assert not {"PYTEST_ADDOPTS", "PYTEST_PLUGINS"} & set(found)
    assert found["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] == "1"
    assert found["SEATRIAL_COMMAND"] == "seatrial certify -k 'a or b'"


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("Exit: seatrial: There is no cluster. Start one.\n", "There is no cluster. Start one."),
        (
            "!!!!!! _pytest.outcomes.Exit: seatrial: The disk is full. Make room. !!!!!!\n",
            "The disk is full. Make room.",
        ),
        ("collected 3 items\n", ""),
    ],
)
def test_the_plugins_reason_to_exit_is_found(log: str, said: str) -> None:
    assert reason_to_exit(log) == said


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            "ERROR: usage: __main__.py [options]\n__main__.py: error: unrecognized arguments: --frob\n  inifile: x\n",
            "unrecognized arguments: --frob",
        ),
        ("ERROR: file or directory not found: nowhere\n", "file or directory not found: nowhere"),
        ("Killed\n\n", "Killed"),
        ("", "it said nothing"),
    ],
)
def test_a_usage_error_is_found(log: str, said: str) -> None:
    assert usage_error(log) == said


def run_python(code: str, output: Path) -> PytestRun:
    return PytestRun([sys.executable, "-c", code], dict(os.environ), output)


def test_suites_of_long_tests_come_first(tmp_path: Path) -> None:
    command = command_line(tmp_path, ["conformance", "load"], 4, [])
    assert command[-2:] == [str(PACKAGE / "load"), str(PACKAGE / "conformance")]


def test_output_goes_to_a_file(tmp_path: Path) -> None:
    run = run_python("print('told')", tmp_path)
    assert run.wait(30) == 0
    assert run.said() == "told\n"


STUBBORN = """
import signal, sys
signal.signal(signal.SIGINT, lambda number, frame: print("asked", flush=True))
print("begun", flush=True)
while True:
    signal.pause()
"""


def test_a_run_is_asked_to_end_and_then_made_to(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    run = run_python(STUBBORN, tmp_path)
    await_text(run, "begun")
    with run.interrupted_by_signals():
        os.kill(os.getpid(), signal.SIGTERM)
        await_text(run, "asked")
        os.kill(os.getpid(), signal.SIGINT)
        assert run.wait(30) == -signal.SIGKILL
    assert run.interrupted
    assert signal.getsignal(signal.SIGINT) is before


def test_a_run_from_the_background_can_be_asked_to_end(tmp_path: Path) -> None:
    """A shell starts background jobs with SIGINT ignored; the run must not inherit that."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = run_python("import time; print('begun', flush=True); time.sleep(600)", tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    await_text(run, "begun")
    run.interrupt()
    assert run.wait(30) not in (None, 0)
    assert "KeyboardInterrupt" in run.said()


def await_text(run: PytestRun, text: str) -> None:
    for _ in range(600):
        if text in run.said():
            return
        assert run.wait(0.05) is None
    raise AssertionError(f"{text!r} was not said")
