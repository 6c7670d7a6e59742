"""Merging an applied object into a live one, and taking out what nobody wants any more, by the schema's list types."""

from __future__ import annotations

from typing import Any

from .fieldsets import Fields, entry_key, is_member
from .schema import ANYTHING, Schema


def merged(schema: Schema, live: Any, applied: Any) -> Any:
    """The live value with the applied one over it: structs and map lists merge, sets unite, the rest is replaced."""
    if isinstance(live, dict) and isinstance(applied, dict) and schema.map_type != "atomic":
        result = dict(live)
        for name, value in applied.items():
            result[name] = merged(schema.child(name) or ANYTHING, live.get(name), value)
        return result
    if isinstance(live, list) and isinstance(applied, list) and schema.list_type in ("map", "set"):
        return _merged_list(schema, live, applied)
    return applied


def _merged_list(schema: Schema, live: list[Any], applied: list[Any]) -> list[Any]:
    """The live entries in their places, each merged with the applied one of its key; new ones at the end."""
    wanted = {entry_key(schema, item): item for item in applied}
    result = []
    for item in live:
        key = entry_key(schema, item)
        found = key in wanted and schema.list_type == "map"
        result.append(merged(schema.items or ANYTHING, item, wanted[key]) if found else item)
        wanted.pop(key, None)
    return result + list(wanted.values())


def without(schema: Schema, value: Any, dropped: Fields, path: tuple[str, ...] = ()) -> Any:
    """The value without the members of a set of fields; what is emptied by that goes too (None at the top)."""
    if isinstance(value, dict):
        kept = {}
        for name, member in value.items():
            left = _left(schema.child(name) or ANYTHING, member, dropped, f"f:{name}")
            if left is not _GONE:
                kept[name] = left
        return kept
    left_items = [_left(schema.items or ANYTHING, item, dropped, entry_key(schema, item)) for item in value]
    return [item for item in left_items if item is not _GONE]


_GONE = object()


def _left(schema: Schema, value: Any, dropped: Fields, key: str) -> Any:
    if key not in dropped:
        return value
    if is_member(dropped, (key,)):
        return _GONE
    if not isinstance(value, dict | list):
        return value
    return without(schema, value, dropped[key]) or _GONE
