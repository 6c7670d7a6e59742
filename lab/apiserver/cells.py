"""How cells are made: columns of one field, of a count, of a list, and the texts several kinds share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from . import jsonpath
from .tables import AGE, NAME, NONE, UNKNOWN, Cell, Column, Object, age

UNSET = "<unset>"


def text(name: str, path: str, default: str = "", priority: int = 0) -> Column:
    """A string column of one field."""

    def cell(obj: Object, now: datetime) -> str:
        value = next(iter(jsonpath.find(path, obj)), None)
        return default if value is None or value == "" else jsonpath.as_text(value)

    return Column(name, cell, priority=priority)


def number(name: str, path: str) -> Column:
    """An integer column of one field, 0 when absent."""

    def cell(obj: Object, now: datetime) -> int:
        return int(next(iter(jsonpath.find(path, obj)), 0))

    return Column(name, cell, type="integer")


def count(name: str, *fields: str) -> Column:
    """How many entries some top-level lists or maps have together."""

    def cell(obj: Object, now: datetime) -> int:
        return sum(len(obj.get(field) or ()) for field in fields)

    return Column(name, cell, type="integer")


def made(name: str, function: Callable[[Object], str], priority: int = 0) -> Column:
    return Column(name, lambda obj, now: function(obj), priority=priority)


def since(name: str, path: str, default: str = UNKNOWN, priority: int = 0) -> Column:
    """The time since a field's moment."""

    def cell(obj: Object, now: datetime) -> str:
        moment = next((found for found in jsonpath.find(path, obj) if found), None)
        return age(moment, now) if moment else default

    return Column(name, cell, priority=priority)


def joined(values: Sequence[str], default: str = NONE) -> str:
    return ",".join(values) or default


def listed(name: str, path: str, priority: int = 0, default: str = NONE) -> Column:
    return made(name, lambda obj: joined([str(v) for v in jsonpath.find(path, obj)], default), priority)


def more(values: Sequence[str], shown: int = 3) -> str:
    """The first few, and how many more there are."""
    rest = f" + {len(values) - shown} more..." if len(values) > shown else ""
    return (",".join(values[:shown]) + rest) or NONE


def selector(selector: Any) -> str:
    """A label selector or a plain map as text."""
    if not isinstance(selector, Mapping):
        return NONE
    if not selector.keys() & {"matchLabels", "matchExpressions"}:
        return joined([f"{key}={value}" for key, value in sorted(selector.items())])
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        among = f" ({','.join(expression.get('values') or ())})" if expression.get("values") else ""
        operator = {"In": " in", "NotIn": " notin", "Exists": "", "DoesNotExist": ""}[expression["operator"]]
        negation = "!" if expression["operator"] == "DoesNotExist" else ""
        parts.append(f"{negation}{expression['key']}{operator}{among}")
    return joined(parts)


def selected(name: str, path: str, priority: int = 0) -> Column:
    return made(name, lambda obj: selector(next(iter(jsonpath.find(path, obj)), None)), priority)


def template(root: str) -> tuple[Column, ...]:
    """The wide columns of what runs pods."""
    return (
        listed("Containers", f"{root}.spec.containers[*].name", 1),
        listed("Images", f"{root}.spec.containers[*].image", 1),
    )


def conditions_of(obj: Object) -> Mapping[str, str]:
    return {c.get("type", ""): c.get("status", "") for c in obj.get("status", {}).get("conditions") or ()}


def deletes(obj: Object, text: str) -> str:
    """A volume or namespace that is going away says so instead of its phase."""
    return "Terminating" if obj.get("metadata", {}).get("deletionTimestamp") else text


def access_modes(path: str) -> Cell:
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}

    def cell(obj: Object, now: datetime) -> str:
        present = jsonpath.find(path, obj)
        return ",".join(abbreviation for mode, abbreviation in short.items() if mode in present)

    return cell


CREATED = replace(text("Created At", ".metadata.creationTimestamp"), type="date")
REPLICAS = (
    NAME,
    number("Desired", ".spec.replicas"),
    number("Current", ".status.replicas"),
    number("Ready", ".status.readyReplicas"),
    AGE,
    *template(".spec.template"),
    selected("Selector", ".spec.selector", 1),
)
