"""What a report shows of a load: one chart for the time, one table for the phases, and what was lost in words."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.fixtures import Report

from .moves import Move, Span, under_way, waiting
from .samples import POLL, VISIT, WRITE, losses_by_kind, of_kind, series
from .servicelevel import ServiceLevel
from .storm import Limits

TABLE = "Service level under load"
WRITERS_PAUSES = 4
"""Writers come so much more rarely than visitors, and are shown by longer times."""
LOST = "a request that was lost"
FINE, COARSE = 0.25, 1.0
LONG = 30.0
"""Runs that took more seconds than this are shown by whole seconds."""


def tell(report: Report, scenario: str, level: ServiceLevel, spans: Sequence[Span]) -> None:
    """Show one scenario."""
    _chart(report, scenario, level, spans)
    for kind in (VISIT, WRITE, POLL):
        _rows(report, scenario, level, kind)
    longest = max(level.silences, default=0.0)
    report.measure(f"longest time without an answer, {scenario}", longest * 1000, "ms")
    report.measure(f"requests lost, {scenario}", sum(sample.lost for sample in level.samples), "requests")
    report.note(f"{scenario}: requests lost: {losses_by_kind(level.samples)}")
    if missing := [kind for kind in (WRITE, POLL) if not of_kind(level.samples, kind)]:
        report.note(f"{scenario}: this guest answers no {' and no '.join(missing)}; those users read instead")


def show_queue(report: Report, scenario: str, moves: Sequence[Move], limits: Limits) -> None:
    """Show how many migrations were under way and how many waited, beside the limits."""
    began, ended = min(move.asked for move in moves), max(move.ended for move in moves)
    lines = {
        "under way": under_way(moves),
        "waiting": waiting(moves),
        "limit of the cluster": [(began, float(limits.cluster)), (ended, float(limits.cluster))],
        "limit of one node": [(began, float(limits.node)), (ended, float(limits.node))],
    }
    report.chart(f"Queue, {scenario}", "migrations", lines=lines, spans=[])
    report.measure(f"time to the last one's end, {scenario}", ended - began, "s")


def _chart(report: Report, scenario: str, level: ServiceLevel, spans: Sequence[Span]) -> None:
    began = min((sample.sent for sample in level.samples), default=0.0)
    ended = max((sample.ended for sample in level.samples), default=0.0)
    width = FINE if ended - began < LONG else COARSE
    visits, writes = of_kind(level.samples, VISIT), of_kind(level.samples, WRITE)
    lines = {
        f"{VISIT}, median": series(visits, 50, width),
        f"{VISIT}, 99 %": series(visits, 99, width),
        f"{WRITE}, 99 %": series(writes, 99, width * WRITERS_PAUSES),
    }
    lost = [(LOST, sample.sent, sample.ended) for sample in level.samples if sample.lost]
    shown = {name: points for name, points in lines.items() if points}
    report.chart(f"Latency, {scenario}", "ms", lines=shown, spans=[*spans, *lost])


def _rows(report: Report, scenario: str, level: ServiceLevel, kind: str) -> None:
    for part, found in level.levels(kind).items():
        if found.requests:
            share = f"{found.lost / found.requests:.1%}"
            report.table(
                TABLE,
                scenario=scenario,
                requests=kind,
                when=part,
                sent=found.requests,
                lost=found.lost,
                errors=share,
                **{"median (ms)": _rounded(found.median), "p99 (ms)": _rounded(found.p99)},
            )


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)
