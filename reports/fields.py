"""One field of a journal's record, taking nothing for granted: what is missing or of another kind takes its default."""

from enum import StrEnum
from typing import Any, TypeVar

from .model import Record
from .shorten import clip_end

E = TypeVar("E", bound=StrEnum)
LONGEST_NAME = 200
LARGEST = 1e15
"""No figure of ours is as large; infinities and what is not a number are not smaller."""


def text(record: Record, name: str) -> str:
    value = record.get(name)
    if value is None or isinstance(value, list | dict):
        return ""
    return str(value)


def name(record: Record, key: str) -> str:
    """What a figure or a line is called; a text that nobody could read is no name."""
    return clip_end(text(record, key), LONGEST_NAME)


def texts(record: Record, name: str) -> tuple[str, ...]:
    value = record.get(name)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def records(record: Record, name: str) -> list[Record]:
    value = record.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(record: Record, name: str) -> float:
    return finite(record.get(name)) or 0.0


def finite(value: Any) -> float | None:
    """The value if it is a number that can be worked with."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < LARGEST else None


def counts(record: Record, name: str) -> tuple[tuple[str, int], ...]:
    value = record.get(name)
    return tuple((str(key), int(number(value, key))) for key in value) if isinstance(value, dict) else ()


def member(record: Record, name: str, default: E) -> E:
    try:
        return type(default)(str(record.get(name)))
    except ValueError:
        return default
