"""Schemas of the builtin kinds, made as they are asked for: a lab that never sees a CronJob never reads its model."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, cast

from .client_models import Model, ModelField, has_model, model
from .field_facts import (
    ATOMIC_MAPS,
    ATOMIC_STRUCTS,
    KEY_DEFAULTS,
    LONG_FIELDS,
    QUANTITY_FIELDS,
    RETAIN_KEYS,
    ListFact,
    list_fact,
)
from .schema import ANYTHING, FieldError, Object, Schema

GVK = tuple[str, str, str]
"""Group, version, kind."""

_CONTAINED = re.compile(r"(?P<outer>List|Dict)\[(?:str, )?(?P<inner>.+)\]")
_OPAQUE = frozenset({"V1JSONSchemaProps"})
"""A CRD's schema has thousands of nodes, any of which may be free JSON: not worth walking on each write."""


def schema_for(gvk: GVK) -> Schema | None:
    """The schema of a builtin kind; None for a kind that the installed client does not know."""
    name = model_name(gvk)
    return struct(name) if name else None


@cache
def model_name(gvk: GVK) -> str | None:
    """The client's class for a kind, whose names are qualified only where two groups would clash."""
    group, version, kind = gvk
    prefix = group.split(".")[0].capitalize() or "Core"
    upper = version.capitalize()
    return next((name for name in (f"{prefix}{upper}{kind}", f"{upper}{kind}") if has_model(name)), None)


@cache
def struct(name: str) -> Schema:
    """The schema of one of the client's classes."""
    if name in _OPAQUE:
        return ANYTHING
    known = model(name)
    return Schema(
        type="object",
        properties=_Members(known),
        required=tuple(field for field, fact in known.fields.items() if fact.required),
        model=name,
        map_type="atomic" if known.go_name in ATOMIC_STRUCTS else "",
    )


def validate(gvk: GVK, obj: Object, old: Object | None = None) -> list[FieldError]:
    """What a builtin object lacks. Its status is the components' own affair, as on a real server."""
    schema = schema_for(gvk)
    return schema.validate({name: value for name, value in obj.items() if name != "status"}, old) if schema else []


class _Members(Mapping[str, Schema]):
    """The fields of a struct, each made a schema when it is first looked at, since some structs contain themselves."""

    def __init__(self, owner: Model) -> None:
        self._owner = owner
        self._made: dict[str, Schema] = {}

    def get(self, name: str, default: Any = None) -> Any:
        found = self._made.get(name)
        if found is None and name in self._owner.fields:
            found = self._made[name] = _field(self._owner.go_name, name, self._owner.fields[name])
        return default if found is None else found

    def __getitem__(self, name: str) -> Schema:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return cast(Schema, found)

    def __iter__(self) -> Iterator[str]:
        return iter(self._owner.fields)

    def __len__(self) -> int:
        return len(self._owner.fields)


def _field(owner: str, name: str, field: ModelField) -> Schema:
    fact = list_fact(owner, name)
    quantity = (owner, name) in QUANTITY_FIELDS
    retained = (owner, name) in RETAIN_KEYS
    atomic = (owner, name) in ATOMIC_MAPS
    schema = _typed(field.type, name, quantity, fact, "retainKeys" if retained else "", "atomic" if atomic else "")
    return replace(schema, default_value=KEY_DEFAULTS[owner, name]) if (owner, name) in KEY_DEFAULTS else schema


def _typed(
    type_text: str,
    name: str,
    quantity: bool = False,
    fact: ListFact | None = None,
    patch_strategy: str = "",
    map_type: str = "",
) -> Schema:
    """The schema of a type expression such as `Dict[str, List[str]]`. Go leaves out null, so everything is nullable."""
    contained = _CONTAINED.fullmatch(type_text)
    if contained and contained["inner"] != "Any":
        inner = _typed(contained["inner"], name, quantity)
        if contained["outer"] == "Dict":
            return Schema(type="object", additional=inner, nullable=True, map_type=map_type)
        return _list(inner, fact)
    if type_text == "int | str":
        return Schema(int_or_string=True, nullable=True)
    if type_text == "str" and quantity:
        return Schema(type="string", format="quantity", nullable=True)
    if type_text in _SCALARS:
        scalar, scalar_format = _SCALARS[type_text]
        if scalar == "integer":
            scalar_format = "int64" if name in LONG_FIELDS else "int32"
        return Schema(type=scalar, format=scalar_format, nullable=True)
    if has_model(type_text):
        return _nullable(type_text, patch_strategy)
    return ANYTHING


_SCALARS = {
    "str": ("string", ""),
    "int": ("integer", "int32"),
    "bool": ("boolean", ""),
    "float": ("number", "double"),
    "bytes": ("string", "byte"),
    "datetime": ("string", "date-time"),
}


@cache
def _nullable(name: str, patch_strategy: str) -> Schema:
    known = struct(name)
    if known is ANYTHING:
        return known
    return Schema(
        type="object",
        properties=known.properties,
        required=known.required,
        model=name,
        map_type=known.map_type,
        patch_strategy=patch_strategy,
        nullable=True,
    )


def _list(items: Schema, fact: ListFact | None) -> Schema:
    if fact is None:
        return Schema(type="array", items=items, nullable=True, list_type="atomic")
    strategy = "" if fact.merge is None else "merge,retainKeys" if fact.retain_keys else "merge"
    return Schema(
        type="array",
        items=items,
        nullable=True,
        list_type=fact.list_type,
        list_keys=fact.keys,
        patch_strategy=strategy,
        patch_key=fact.merge or "",
    )
