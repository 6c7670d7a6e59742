"""An object as a flat set of facts: each leaf's path and its value, free of what differs from run to run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from seatrial.fixtures.kinds import Object

from .symbols import Symbols

Facts = dict[str, str]
KEYS = ("type", "name", "phase", "key", "uid", "ip", "conditionType", "resourceID")
"""What tells the members of a list apart."""
NOT_RECORDED = {"env", "volumeMounts"}
"""Removed from the containers of recorded pods."""
COUNTERS = {"metadata.resourceVersion", "involvedObject.resourceVersion"}
GENERATION = "metadata.generation"
"""Of a VMI it counts all writes, also those before the story begins."""


def facts_of(obj: Object, symbols: Symbols) -> Facts:
    """Every leaf of an object. Empty maps and lists are leaves, and so are lists of plain values.

    What cannot be told apart, such as pods of earlier migrations, is one leaf with all the values.
    """
    left_out = {*COUNTERS, GENERATION} if obj["kind"] == "VirtualMachineInstance" else COUNTERS
    values: dict[str, set[str]] = {}
    for path, value in _leaves(obj, "", symbols):
        values.setdefault(path, set()).add(value)
    return {path: ", ".join(sorted(found)) for path, found in values.items() if path not in left_out}


def _leaves(value: Any, path: str, symbols: Symbols) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            if not (key in NOT_RECORDED and path.startswith("spec.")):
                yield from _leaves(item, f"{path}.{_key(key, item, path, symbols)}" if path else key, symbols)
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{_identity(item, index, symbols)}]", symbols)
    elif isinstance(value, list):
        yield path, json.dumps([symbols.replace(str(item)) for item in value])
    else:
        yield path, symbols.replace(value) if isinstance(value, str) else json.dumps(value)


def _key(key: str, value: Any, path: str, symbols: Symbols) -> str:
    """Direct migration ports are random; what they lead to is not."""
    return f"<port of {value}>" if path.endswith("targetDirectMigrationNodePorts") else symbols.replace(key)


def _identity(item: Object, index: int, symbols: Symbols) -> str:
    key = next((key for key in KEYS if isinstance(item.get(key), str)), None)
    return f"{symbols.replace(item[key])}" if key else str(index)
