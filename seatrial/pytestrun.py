"""pytest as a child process: how it is called, how it is ended, and what it said when it could not begin.

The run must depend on nothing but what it was asked for: neither on the folder that it is started in, nor on a
pytest.ini, conftest.py or plugin that happens to be there.
"""

import ctypes
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

PACKAGE = Path(__file__).absolute().parent
LOG = "pytest.log"
CACHE = ".pytest_cache"
NO_TEST_SELECTED = 5

_PLUGINS = ("seatrial.fixtures.plugin", "xdist.plugin")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PR_SET_PDEATHSIG = 1
_EXIT = re.compile(r"^(?:!+ )?(?:[\w.]*\.)?Exit: seatrial: (?P<said>.*?)(?: !+)?$", re.MULTILINE)
_ERROR = re.compile(r"^(?:ERROR: |\S*: error: |.*?: error: )(?P<said>(?!usage:).+)$", re.MULTILINE)


def command_line(output: Path, suites: Sequence[str], workers: int, options: Sequence[str]) -> list[str]:
    """The command that runs the suites. `options` are pytest's own and those of our plugin.

    The suites are run from the last to the first: their tests are the longer ones, which are best begun early.
    """
    command = [sys.executable, "-P", "-m", "pytest", "-c", os.devnull]
    command += [f"--rootdir={PACKAGE}", f"--confcutdir={PACKAGE}", "--import-mode=importlib", "--strict-markers"]
    command += ["-o", f"cache_dir={output / CACHE}", "--color=no"]
    command += [part for plugin in _PLUGINS for part in ("-p", plugin)]
    command += ["-n", str(workers), "--dist=worksteal"] if workers > 1 else []
    command += ["--seatrial-output", str(output), *options]
    return command + [str(PACKAGE / suite) for suite in reversed(suites)]


def environment(command: Sequence[str]) -> dict[str, str]:
    """The child's environment: ours without what would change pytest's behaviour, and with the user's command."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "SEATRIAL_COMMAND": shlex.join(command)}


class PytestRun:
    """A running pytest. Its output goes to a file: what people should see comes from the journal."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], output: Path) -> None:
        self.log = output / LOG
        self.interrupted = False
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C reaches it through us, once
                preexec_fn=_prepare,
            )

    def wait(self, seconds: float) -> int | None:
        """The exit status, or None if it still runs after so many seconds."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def interrupt(self) -> None:
        """Ask it to clean up and end; asked again, end it and its workers at once."""
        if self.interrupted:
            os.killpg(self._process.pid, signal.SIGKILL)
        elif self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self.interrupted = True

    @contextmanager
    def interrupted_by_signals(self) -> Iterator[None]:
        """Until then, what would end this process ends the run instead."""

        def handle(number: int, frame: FrameType | None) -> None:
            self.interrupt()

        before = {number: signal.signal(number, handle) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def said(self) -> str:
        """Everything that pytest printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def reason_to_exit(log: str) -> str:
    """The sentence with which our plugin ended the run; empty if it did not."""
    found = _EXIT.search(log)
    return found["said"].strip() if found else ""


def usage_error(log: str) -> str:
    """What pytest did not understand of its arguments; its last line if it does not say."""
    found = _ERROR.findall(log)
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return str(found[-1]).strip() if found else (lines[-1] if lines else "it said nothing")


def _prepare() -> None:
    """Let the kernel end pytest when this process is killed: a run that nobody reports must not go on.

    A job in the background has SIGINT ignored, which pytest would inherit; but it is how we ask it to end.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
