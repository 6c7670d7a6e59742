"""Copies of objects: they are JSON, and going by JSON is ten times faster than `copy.deepcopy`."""

from __future__ import annotations

from typing import TypeVar

import orjson

T = TypeVar("T")


def copied(value: T) -> T:
    """A deep copy of something made of what JSON has."""
    made: T = orjson.loads(orjson.dumps(value))
    return made
