"""Bodies in Kubernetes' protobuf form, which kubectl's `create`, `drain` and `auth can-i` send for builtin kinds.

Such a body says the numbers of its fields, not their names: `protobuf_fields.json` has the names, one string a struct
of the client's, in the order of the numbers from 1 on (`-`: no such number). A `*` marks what Go holds as a pointer,
where zero is a value and not the absence of one; `>Name` is a struct whose fields JSON shows among its owner's.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from ..clock import micro_timestamp, timestamp
from .builtin_schemas import model_name, struct
from .schema import ANYTHING, Object, Schema
from .wire import Value, WireError, bytes_of, double_of, fields_of, signed, text_of

MEDIA = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_KEY, _VALUE = 1, 2


def decode(body: bytes) -> Object:
    """The object a body holds, as JSON would. Raises WireError for what is malformed or of no builtin kind."""
    if not body.startswith(_MAGIC):
        raise WireError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    envelope = dict(fields_of(body[len(_MAGIC) :]))
    type_meta = dict(fields_of(bytes_of(envelope.get(1, b""))))
    api_version, kind = text_of(type_meta.get(1, b"")), text_of(type_meta.get(2, b""))
    raw = bytes_of(envelope.get(2, b""))
    if text_of(envelope.get(4, b"")) == "application/json":
        content: Object = json.loads(raw)
        return content
    group, _, version = api_version.rpartition("/")
    name = model_name((group, version, kind))
    if name is None or name not in _numbers():
        raise WireError(f'no kind "{kind}" is registered for version "{api_version}"')
    return {"apiVersion": api_version, "kind": kind, **_struct(name, struct(name), raw)}


@cache
def _numbers() -> dict[str, list[str]]:
    """The fields of each struct by number, the first being number 1."""
    path = Path(__file__).with_name("protobuf_fields.json")
    return {name: fields.split() for name, fields in json.loads(path.read_text(encoding="utf-8")).items()}


def _struct(name: str, schema: Schema, raw: bytes) -> Object:
    """A message as an object. `name` is the struct's in the table, `schema` that of the object it becomes part of."""
    found: Object = {}
    known = _numbers()[name]
    for number, value in fields_of(raw):
        field = known[number - 1] if number <= len(known) else "-"
        if field.startswith(">"):
            found |= _struct(field[1:], schema, bytes_of(value))
        elif field != "-":
            pointer = field.endswith("*")
            _set(found, field.removesuffix("*"), schema, value, pointer)
    return found


def _set(found: Object, name: str, owner: Schema, value: Value, pointer: bool) -> None:
    schema = owner.child(name) or ANYTHING
    if schema.type == "array":
        found.setdefault(name, []).append(_value(schema.items or ANYTHING, value))
    elif schema.type == "object" and schema.additional is not None:
        entry = dict(fields_of(bytes_of(value)))
        found.setdefault(name, {})[text_of(entry.get(_KEY, b""))] = _entry(schema.additional, entry.get(_VALUE, b""))
    else:
        content = _value(schema, value)
        if pointer or content not in ("", 0, False, {}, None):
            found[name] = content


def _entry(schema: Schema, value: Value) -> Any:
    """A map's value; a list is wrapped in a message of its own there."""
    if schema.type == "array":
        return [_value(schema.items or ANYTHING, item) for _, item in fields_of(bytes_of(value))]
    return _value(schema, value)


def _value(schema: Schema, value: Value) -> Any:
    if schema.model:
        return _struct(schema.model, schema, bytes_of(value))
    if schema.int_or_string:
        return _int_or_string(bytes_of(value))
    if schema.format == "quantity":
        return text_of(dict(fields_of(bytes_of(value))).get(1, b""))
    if schema.format == "date-time":
        return _time(bytes_of(value))
    if schema.format == "byte":
        return b64encode(bytes_of(value)).decode()
    if schema.type == "boolean":
        return bool(value)
    if schema.type == "integer":
        return signed(value)
    if schema.type == "number":
        return double_of(value)
    if schema.type == "string":
        return text_of(value)
    raw = bytes_of(dict(fields_of(bytes_of(value))).get(1, b""))
    return json.loads(raw) if raw else None


def _int_or_string(raw: bytes) -> int | str:
    fields = dict(fields_of(raw))
    return text_of(fields.get(3, b"")) if fields.get(1) else signed(fields.get(2, 0))


def _time(raw: bytes) -> str | None:
    if not raw:
        return None
    fields = dict(fields_of(raw))
    seconds, nanos = signed(fields.get(1, 0)), signed(fields.get(2, 0))
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanos // 1000)
    return micro_timestamp(moment) if nanos else timestamp(moment)
