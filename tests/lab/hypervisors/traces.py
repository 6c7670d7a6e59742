"""The model beside every recorded migration: python -m tests.lab.hypervisors.traces > docs/reference/physics.md"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from seatrial.lab.hypervisors.memory import MIB, PAGE

from .comparison import Comparison, Counts, compare, left_out, mean_total
from .recordings import TRACES, recordings
from .simulation import DEVICES, LINK, MACHINE, SETUP

Row = tuple[str, ...]

TEMPLATE = Path(__file__).with_name("physics.template.md")
COLUMNS: Row = ("recording", "QEMU", "total, s", "error", "sent, MiB", "error", "rounds", "pause, ms", "end")


def page() -> str:
    """The page, in Markdown."""
    every = recordings()
    found = [compare(recording) for recording in every if not left_out(recording.name)]
    whole, busy = ([one for one in found if one.counts is counts] for counts in Counts)
    return TEMPLATE.read_text().format(
        machine="\n".join(map(_line, _machine())),
        mean=f"{mean_total(whole):.1%}",
        all=_table(COLUMNS, map(_row, whole)),
        no_times=_table(COLUMNS, map(_row, busy)),
        nothing=_table(("recording", "why"), ((f"`{one.name}`", why) for one in every if (why := left_out(one.name)))),
    )


def _machine() -> tuple[Row, ...]:
    return (
        ("the link", f"{LINK / MIB:.0f} MiB/s"),
        ("pages that are new to the target", f"{MACHINE.fresh / MIB:.0f} MiB/s"),
        ("a zero page, at either side", f"{PAGE / MACHINE.zeros * 1e6:.1f} µs"),
        ("what sockets hold", f"{MACHINE.buffer / MIB:.0f} MiB"),
        ("before the first page", f"{SETUP * 1000:.0f} ms"),
        ("devices and switch-over", f"{DEVICES * 1000:.0f} ms"),
    )


def _table(columns: Row, rows: Iterable[Row]) -> str:
    return "\n".join(map(_line, (columns, tuple("---" for _ in columns), *rows)))


def _line(row: Row) -> str:
    return f"| {' | '.join(row)} |"


def _row(one: Comparison) -> Row:
    recorded, model = one.recording, one.model
    return (
        f"`{recorded.name}`",
        str(recorded.meta["qemu"]),
        f"{recorded.total:.2f} → {model.total:.2f}",
        f"{one.total:+.1%}",
        f"{recorded.sent / MIB:.1f} → {model.sent / MIB:.1f}",
        f"{one.sent:+.1%}",
        f"{recorded.rounds} → {model.rounds}",
        _pause(one) if one.counts is Counts.ALL else "",
        f"{recorded.state} → {'completed' if model.converged else 'goes on'}",
    )


def _pause(one: Comparison) -> str:
    def shown(pause: float | None, reported: float | None) -> str:
        told = f"({reported * 1000:.0f})" if reported is not None else ""
        return told if pause is None else f"{pause * 1000:.0f} {told}"

    recorded, model = one.recording, one.model
    if recorded.reported is None:
        return ""
    return f"{shown(recorded.pause, recorded.reported)} → {shown(model.pause, model.reported)}"


if __name__ == "__main__":
    sys.exit(f"{TRACES} is not there") if not TRACES.is_dir() else sys.stdout.write(page())
