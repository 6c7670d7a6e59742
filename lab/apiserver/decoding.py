"""Why a body cannot be read as a builtin kind: the first value of a wrong type, named as Go's JSON decoder names it.

Custom kinds are checked by their schema instead (422); builtin ones never get that far (400).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from .builtin_schemas import GVK, schema_for
from .quantity import QuantityError
from .quantity import parse as parse_quantity
from .refusals import decoding_message
from .schema import Object, Schema, item_of, member_of
from .schema_validation import type_name


@dataclass(frozen=True)
class _Place:
    """Where the decoder is: in which struct, and at which fields from the root (list indices and map keys left out)."""

    struct: str
    fields: tuple[str, ...] = ()


def decode_error(gvk: GVK, obj: Object, old: Object | None = None) -> str | None:
    """The message of the 400 for a body that is no such kind; None when it is, or when the kind is not builtin.

    What is as it was in `old` has been read before.
    """
    schema = schema_for(gvk)
    if schema is None or _is_sound(schema, obj, old):
        return None
    cause = next(_wrong(schema, obj, _Place(schema.go_type)), None)
    return decoding_message(gvk[2], gvk[1], cause) if cause else None


def _is_sound(schema: Schema, value: Any, old: Any) -> bool:
    """Whether `_wrong` would find nothing: nearly always so, and several times cheaper to ask."""
    if value is None:
        return True
    if not _readable(schema, value):
        return False
    if isinstance(value, dict):
        return value == old or all(
            _is_sound(known, member, member_of(old, name))
            for name, member in value.items()
            if (known := schema.child(name)) is not None
        )
    if isinstance(value, list):
        items = schema.items
        return (
            items is None
            or value == old
            or all(_is_sound(items, item, item_of(old, index)) for index, item in enumerate(value))
        )
    complaint = _TEXTS.get(schema.format)
    return complaint is None or next(complaint(value), None) is None


def _wrong(schema: Schema, value: Any, place: _Place) -> Iterator[str]:
    if value is None:
        return
    if not _readable(schema, value):
        yield (
            f"json: cannot unmarshal {_json_kind(value)} into Go struct field "
            f"{place.struct}.{'.'.join(place.fields)} of type {_go_type(schema)}"
        )
    elif isinstance(value, dict):
        for name, member in value.items():
            known = schema.child(name)
            if known is not None:
                yield from _wrong(known, member, _inside(schema, place, name))
    elif isinstance(value, list):
        for item in value if schema.items else ():
            yield from _wrong(schema.items, item, place) if schema.items else ()
    elif complaint := _TEXTS.get(schema.format):
        yield from complaint(value)


def _inside(schema: Schema, place: _Place, name: str) -> _Place:
    if not schema.go_type:
        return place
    return replace(place, struct=schema.go_type, fields=(*place.fields, name))


def _readable(schema: Schema, value: Any) -> bool:
    found = type_name(value)
    if schema.int_or_string:
        return found in ("integer", "string")
    if schema.format == "quantity":
        return found in ("integer", "number", "string")
    return not schema.type or found == schema.type or (schema.type == "number" and found == "integer")


def _json_kind(value: Any) -> str:
    found = type_name(value)
    return {"boolean": "bool", "integer": "number", "number": f"number {value}"}.get(found, found)


def _go_type(schema: Schema) -> str:
    if schema.go_type:
        return f"v1.{schema.go_type}"
    if schema.int_or_string:
        return "intstr.IntOrString"
    if schema.type == "array":
        return f"[]{_go_type(schema.items) if schema.items else 'interface {}'}"
    if schema.type == "object":
        return f"map[string]{_go_type(schema.additional) if schema.additional else 'interface {}'}"
    return _GO_FORMATS.get(schema.format) or _GO_TYPES.get(schema.type, "interface {}")


_GO_FORMATS = {"quantity": "resource.Quantity", "date-time": "string", "int64": "int64", "byte": "[]uint8"}
_GO_TYPES = {"integer": "int32", "boolean": "bool", "number": "float64", "string": "string"}


def _quantity(value: Any) -> Iterator[str]:
    try:
        parse_quantity(value)
    except QuantityError as error:
        yield str(error)


def _time(value: str) -> Iterator[str]:
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        yield f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"'


def _base64(value: str) -> Iterator[str]:
    try:
        b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        yield "illegal base64 data at input byte 0"


_TEXTS: dict[str, Callable[[Any], Iterator[str]]] = {"quantity": _quantity, "date-time": _time, "byte": _base64}
