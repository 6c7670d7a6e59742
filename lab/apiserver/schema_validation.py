"""Validation of an object against its schema, in the words of the API server (they are what users search for)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from .patch import equal
from .schema import ROOT_FIELDS, FieldError, Limits, Object, Schema, item_of, join, member_of

INVALID = "FieldValueInvalid"
TYPE_INVALID = "FieldValueTypeInvalid"
REQUIRED = "FieldValueRequired"
NOT_SUPPORTED = "FieldValueNotSupported"
TOO_LONG = "FieldValueTooLong"
TOO_MANY = "FieldValueTooMany"
DUPLICATE = "FieldValueDuplicate"
_SCALARS = (bool, int, str)


def validate(schema: Schema, obj: Object, old: Object | None = None) -> list[FieldError]:
    """Every complaint about an object; its apiVersion, kind and metadata are checked elsewhere.

    What is as it was in `old` is no more complained of: a definition that has become stricter is held against what
    changes only, as by Kubernetes' ratcheting.
    """
    return list(_value(schema, obj, "", old, root=True))


def required(path: str, detail: str = "") -> FieldError:
    return FieldError(path, REQUIRED, f"Required value: {detail}" if detail else "Required value")


def invalid(path: str, value: Any, detail: str, kind: str = INVALID) -> FieldError:
    return FieldError(path, kind, f"Invalid value: {shown(value)}: {detail}")


def not_supported(path: str, value: Any, supported: Sequence[Any]) -> FieldError:
    among = ", ".join(shown(v) for v in supported)
    return FieldError(path, NOT_SUPPORTED, f"Unsupported value: {shown(value)}: supported values: {among}")


def shown(value: Any) -> str:
    """A value as error texts quote it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    str: "string",
    list: "array",
    dict: "object",
}


def type_name(value: Any) -> str:
    """The JSON type of a value, as error texts name it."""
    found = _TYPES.get(type(value))
    if found is None and isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return found or "object"


def _value(schema: Schema, value: Any, path: str, old: Any = None, root: bool = False) -> Iterator[FieldError]:
    if value is None and (schema.nullable or not schema.type):
        return
    if not _type_fits(schema, value):
        wanted = "integer,string" if schema.int_or_string else schema.type
        found = type_name(value)
        yield invalid(path, found, f'{path} in body must be of type {wanted}: "{found}"', TYPE_INVALID)
        return
    yield from _limits(schema.limits, value, path)
    yield from _format(schema.format, value, path)
    yield from _composed(schema, value, path)
    if isinstance(value, Mapping):
        yield from _members(schema, value, path, old, root)
    elif isinstance(value, list):
        yield from _items(schema, value, path, old)


def _type_fits(schema: Schema, value: Any) -> bool:
    found = type_name(value)
    if schema.int_or_string:
        return found in ("integer", "string")
    if schema.format == "quantity":
        return found in ("integer", "number", "string")
    return not schema.type or found == schema.type or (schema.type == "number" and found == "integer")


def _is_plain(schema: Schema, value: Any) -> bool:
    """Whether a value fits a place that asks for nothing but its type: most do."""
    return type(value) in _SCALARS and schema.is_plain and _type_fits(schema, value)


def _members(schema: Schema, value: Mapping[str, Any], path: str, old: Any, root: bool) -> Iterator[FieldError]:
    for name in schema.required:
        if name not in value:
            yield required(join(path, name))
    if schema.embedded:
        yield from (
            required(join(path, name), "must not be empty") for name in ("apiVersion", "kind") if not value.get(name)
        )
    for name, member in value.items():
        known = schema.child(name)
        if known is None or (root and name in ROOT_FIELDS) or _is_plain(known, member):
            continue
        was = member_of(old, name)
        if was is None or was != member:
            yield from _value(known, member, join(path, name), was)


def _items(schema: Schema, value: list[Any], path: str, old: Any) -> Iterator[FieldError]:
    if schema.items is not None:
        for index, item in enumerate(value):
            was = item_of(old, index)
            if was is None or was != item:
                yield from _value(schema.items, item, f"{path}[{index}]", was)
    if schema.unique:
        yield from _duplicates(schema, value, path)


def _duplicates(schema: Schema, value: list[Any], path: str) -> Iterator[FieldError]:
    seen: list[Any] = []
    for index, item in enumerate(value):
        key = item
        if schema.list_type == "map":
            key = {name: item[name] for name in schema.list_keys if name in item} if isinstance(item, dict) else item
        if any(equal(key, other) for other in seen):
            yield FieldError(f"{path}[{index}]", DUPLICATE, f"Duplicate value: {shown(key)}")
        seen.append(key)


def _limits(limits: Limits, value: Any, path: str) -> Iterator[FieldError]:
    if limits.enum and not any(equal(value, allowed) for allowed in limits.enum):
        yield not_supported(path, value, limits.enum)
    if isinstance(value, str):
        yield from _text_limits(limits, value, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number_limits(limits, value, path)
    elif isinstance(value, list):
        yield from _size_limits(value, path, limits.min_items, limits.max_items, "items")
    elif isinstance(value, dict):
        yield from _size_limits(value, path, limits.min_properties, limits.max_properties, "properties")


def _text_limits(limits: Limits, value: str, path: str) -> Iterator[FieldError]:
    if limits.max_length is not None and len(value) > limits.max_length:
        yield FieldError(path, TOO_LONG, f"Too long: may not be more than {limits.max_length} bytes")
    if limits.min_length is not None and len(value) < limits.min_length:
        yield invalid(path, value, f"{path} in body should be at least {limits.min_length} chars long")
    if limits.pattern and not _compiled(limits.pattern).search(value):
        yield invalid(path, value, f"{path} in body should match '{limits.pattern}'")


def _number_limits(limits: Limits, value: float, path: str) -> Iterator[FieldError]:
    low, high, step = limits.minimum, limits.maximum, limits.multiple_of
    if low is not None and (value < low or (limits.exclusive_minimum and value == low)):
        or_equal = "" if limits.exclusive_minimum else " or equal to"
        yield invalid(path, value, f"{path} in body should be greater than{or_equal} {_number(low)}")
    if high is not None and (value > high or (limits.exclusive_maximum and value == high)):
        or_equal = "" if limits.exclusive_maximum else " or equal to"
        yield invalid(path, value, f"{path} in body should be less than{or_equal} {_number(high)}")
    if step and value % step:
        yield invalid(path, value, f"{path} in body should be a multiple of {_number(step)}")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _size_limits(value: Any, path: str, low: int | None, high: int | None, what: str) -> Iterator[FieldError]:
    if high is not None and len(value) > high:
        yield FieldError(path, TOO_MANY, f"Too many: {len(value)}: must have at most {high} items")
    if low is not None and len(value) < low:
        yield invalid(path, len(value), f"{path} in body should have at least {low} {what}")


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _format(name: str, value: Any, path: str) -> Iterator[FieldError]:
    check = {"date-time": datetime.fromisoformat, "date": date.fromisoformat}.get(name)
    if check is None or not isinstance(value, str):
        return
    try:
        check(value.replace("Z", "+00:00"))
    except ValueError:
        yield invalid(path, value, f"{path} in body must be of type {name}: {shown(value)}")


def _composed(schema: Schema, value: Any, path: str) -> Iterator[FieldError]:
    for part in schema.all_of:
        yield from _value(part, value, path)
    if schema.any_of and not schema.int_or_string and not any(_fits(part, value, path) for part in schema.any_of):
        yield _composition(path, "must validate at least one schema (anyOf)")
    if schema.one_of:
        count = sum(_fits(part, value, path) for part in schema.one_of)
        if count != 1:
            found = "none" if not count else "more than one"
            yield _composition(path, f"must validate one and only one schema (oneOf). Found {found} valid")
    if schema.none_of is not None and _fits(schema.none_of, value, path):
        yield _composition(path, "must not validate the schema (not)")


def _composition(path: str, complaint: str) -> FieldError:
    return invalid(path, "", f'"{path}" {complaint}')


def _fits(schema: Schema, value: Any, path: str) -> bool:
    return next(_value(schema, value, path), None) is None
