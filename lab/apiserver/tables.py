"""Server-side tables: what `kubectl get` shows, rendered by the API server from columns of the kind.

kubectl has no printers of its own any more; without this it shows names and ages only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import jsonpath

Object = dict[str, Any]
Cell = Callable[[Object, datetime], Any]
UNKNOWN = "<unknown>"
NONE = "<none>"


@dataclass(frozen=True)
class Column:
    """One column: its definition as the client sees it, and how a cell of it is made."""

    name: str
    cell: Cell
    type: str = "string"
    format: str = ""
    priority: int = 0
    description: str = ""

    def definition(self) -> Object:
        """The TableColumnDefinition."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description or f"{self.name} of the object",
            "priority": self.priority,
        }


def render(
    columns: Sequence[Column],
    objects: Iterable[Object],
    include_object: str = "Metadata",
    now: datetime | None = None,
    list_metadata: Object | None = None,
) -> Object:
    """The Table (meta.k8s.io/v1) of some objects. `include_object` is the query parameter: Metadata, Object or None."""
    moment = now or datetime.now(UTC)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": list_metadata or {},
        "columnDefinitions": [column.definition() for column in columns],
        "rows": [_row(columns, obj, include_object, moment) for obj in objects],
    }


def _row(columns: Sequence[Column], obj: Object, include_object: str, now: datetime) -> Object:
    row: Object = {"cells": [column.cell(obj, now) for column in columns]}
    if include_object == "Object":
        row["object"] = obj
    elif include_object != "None":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": obj.get("metadata") or {},
        }
    return row


def name_of(obj: Object, now: datetime) -> str:
    return str(obj.get("metadata", {}).get("name", ""))


def age_of(obj: Object, now: datetime) -> str:
    return age(obj.get("metadata", {}).get("creationTimestamp"), now)


NAME = Column("Name", name_of, format="name", description="Name of the object, unique within its namespace")
AGE = Column("Age", age_of, description="Time since the object was created")


def age(timestamp: Any, now: datetime) -> str:
    """A timestamp as kubectl shows it: the time since, or `<unknown>` without one."""
    if not timestamp:
        return UNKNOWN
    try:
        moment = datetime.fromisoformat(str(timestamp).replace("Z", "+00:00"))
    except ValueError:
        return "<invalid>"
    return human_duration((now - moment).total_seconds())


def human_duration(seconds: float) -> str:
    """Two units at most, and fewer the longer it takes ("119s", "9m59s", "179m", "7h59m", "47h", "7d23h", "729d")."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{max(whole, 0)}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 192:
        return _two(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    if days < 8 * 365:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def columns_for(group: str, kind: str) -> tuple[Column, ...]:
    """The columns of a builtin kind; Name and Age for one that has none of its own."""
    from .builtin_tables import COLUMNS

    return COLUMNS.get((group, kind), (NAME, AGE))


def crd_columns(definitions: Sequence[Mapping[str, Any]] | None) -> tuple[Column, ...]:
    """The columns of a CRD version's `additionalPrinterColumns`; Name and Age when it has none."""
    if not definitions:
        return (NAME, AGE)
    return (NAME, *(_crd_column(definition) for definition in definitions))


def _crd_column(definition: Mapping[str, Any]) -> Column:
    return Column(
        name=definition["name"],
        cell=_crd_cell(definition["jsonPath"], definition.get("type", "string")),
        type=definition.get("type", "string"),
        format=definition.get("format", ""),
        priority=definition.get("priority", 0),
        description=definition.get("description")
        or "Custom resource definition column (in JSONPath format): " + definition["jsonPath"],
    )


def _crd_cell(path: str, column_type: str) -> Cell:
    def cell(obj: Object, now: datetime) -> Any:
        found = jsonpath.find(path, obj)
        return _converted(found[0], column_type, now) if found and found[0] is not None else None

    return cell


def _converted(value: Any, column_type: str, now: datetime) -> Any:
    """The value as the column's type wants it; null, which clients print as nothing, when it is of another type."""
    if column_type == "date":
        return age(value, now)
    if column_type == "string":
        return json.dumps(value) if isinstance(value, dict | list) else jsonpath.as_text(value)
    if column_type == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if column_type == "integer" else value
