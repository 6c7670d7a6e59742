"""What somebody sees who waits for a run: a live picture in a terminal, a line a test anywhere else."""

import time
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seatrial.reports.certificate import LAB_STAMP
from seatrial.reports.model import Environment, Outcome, Test
from seatrial.reports.shorten import clip_end

from .progress import Progress, wrong

MOST_RUNNING = 16
LONGEST_LINE = 240
"""Characters of a line where there is no terminal that has a width."""
_COLOURS = {Outcome.PASSED: "green", Outcome.SKIPPED: "cyan"}


class Display(Protocol):
    """Shows a run as it goes."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def ended(self, test: Test) -> None:
        """A test has ended."""

    def refresh(self) -> None:
        """Time has passed."""

    def say(self, text: str) -> None:
        """Something else worth knowing."""


def make_display(console: Console, progress: Progress) -> Display:
    """The display that suits where the output goes."""
    return LiveDisplay(console, progress) if console.is_terminal else PlainDisplay(console, progress)


class PlainDisplay:
    """One line for each test that has ended."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def ended(self, test: Test) -> None:
        total = self._progress.total or "?"
        elapsed = clock(time.monotonic() - self._began)
        self.say(clip_end(f"[{len(self._progress.done)}/{total} {elapsed}] {line(test)}", LONGEST_LINE))

    def refresh(self) -> None:
        return None

    def say(self, text: str) -> None:
        self._console.print(text)


class LiveDisplay:
    """A bar, what runs now, and above it what went wrong."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._began = time.monotonic()
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        self.refresh()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def ended(self, test: Test) -> None:
        if wrong(test) or test.overloaded:
            style = "red" if wrong(test) else "yellow"
            self._console.print(Text(clip_end(line(test), self._console.width), style=style))

    def refresh(self) -> None:
        self._live.update(self._picture(), refresh=True)

    def say(self, text: str) -> None:
        self._console.print(text)

    def _picture(self) -> Group:
        elapsed = time.monotonic() - self._began
        return Group(self._bar(elapsed), *(self._running(name, began) for name, began in self._now()))

    def _bar(self, elapsed: float) -> Table:
        progress = self._progress
        done, total = len(progress.done), progress.total
        words = f"{done}/{total or '?'}  {clock(elapsed)}"
        words += f"  {progress.failures} failed" if progress.failures else ""
        words += f"  {progress.skipped} skipped" if progress.skipped else ""
        grid = Table.grid(padding=(0, 1))
        grid.add_row(ProgressBar(total=total or None, completed=done, width=40, pulse=not total), words)
        return grid

    def _now(self) -> list[tuple[str, float]]:
        return list(self._progress.running.items())[:MOST_RUNNING]

    def _running(self, name: str, began: float) -> Text:
        return Text(f"  {short(name)}", style="dim", no_wrap=True, overflow="ellipsis")


def about(environment: Environment) -> str:
    """The cluster in a line."""
    able = sum(node.kubevirt_schedulable for node in environment.nodes)
    text = f"KubeVirt {environment.kubevirt} on Kubernetes {environment.kubernetes}, {able} nodes for VMs"
    return f"{text} ({LAB_STAMP})" if environment.lab else text


def line(test: Test) -> str:
    """A test that has ended, in a line."""
    names = ", ".join(test.requirements)
    said = " ".join(_why(test).split())
    told = f"{test.outcome.value:<7} {names} {short(test.id)} {test.duration:.1f} s" + (f": {said}" if said else "")
    return f"{told} [cluster overloaded: {test.overloaded}]" if test.overloaded else told


def _why(test: Test) -> str:
    if test.outcome is Outcome.PASSED:
        return ""
    if test.expected and test.observed:
        return f"{test.message}: expected {test.expected}, observed {test.observed}"
    return test.message or test.reason


def short(test: str) -> str:
    """A test's name without its file."""
    return test.rpartition("::")[2] or test


def clock(seconds: float) -> str:
    """Elapsed time as a clock shows it."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}"
