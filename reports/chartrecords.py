"""From the journal's JSON to rows of tables and to charts, taking nothing for granted."""

from typing import Any

from .fields import LONGEST_NAME, finite, name, records
from .model import Cell, Chart, Line, Record, Span, TableRow
from .shorten import clip, clip_end

MOST_CHARTS = 24
MOST_LINES = 12
MOST_SPANS = 300
MOST_COLUMNS = 30
LONGEST_CELL = 1_000


def table_row(record: Record) -> TableRow:
    row = record.get("row")
    cells = list(row.items())[:MOST_COLUMNS] if isinstance(row, dict) else []
    named = tuple((clip_end(str(key), LONGEST_NAME), _cell(value)) for key, value in cells)
    return TableRow(name(record, "title") or "Table", named)


def _cell(value: Any) -> Cell:
    match value:
        case bool():
            return value
        case int() | float():
            return finite(value)
        case _:
            return None if value is None else clip(str(value), LONGEST_CELL)


def chart(record: Record) -> Chart:
    return Chart(
        title=name(record, "title") or "Chart",
        unit=name(record, "unit"),
        lines=tuple(_line(item) for item in records(record, "lines")[:MOST_LINES]),
        spans=tuple(span for item in records(record, "spans")[:MOST_SPANS] if (span := _span(item))),
    )


def _line(record: Record) -> Line:
    given = record.get("points")
    points = [point for item in given if (point := _point(item))] if isinstance(given, list) else []
    return Line(name(record, "name"), tuple(sorted(points, key=lambda point: point[0])))


def _point(value: Any) -> tuple[float, float | None] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    t = finite(value[0])
    return None if t is None else (t, finite(value[1]))


def _span(record: Record) -> Span | None:
    begin, end = finite(record.get("from")), finite(record.get("to"))
    if begin is None or end is None:
        return None
    return Span(name(record, "name"), min(begin, end), max(begin, end))
