"""The protobuf form of an OpenAPI v2 document (gnostic's messages), which is the only one that older clients ask for.

A message is written from a table of its fields; of each, only what the documents of this server contain is listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

Object = Mapping[str, Any]
Write = Callable[[Any], bytes]


def encode(document: Object) -> bytes:
    """The bytes of a version 2 document (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`)."""
    return b"".join(
        (
            _text(1, document["swagger"]),
            _nested(2, _info(document["info"])),
            _nested(8, b"".join(_nested(2, _named(name, _path(item))) for name, item in document["paths"].items())),
            _nested(9, _schemas(document["definitions"])),
        )
    )


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _nested(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _nested(field, text.encode()) if text else b""


def _flag(field: int, value: bool) -> bytes:
    return _varint(field << 3) + b"\x01" if value else b""


def _named(name: str, content: bytes) -> bytes:
    return _text(1, name) + _nested(2, content)


def _any(value: Any) -> bytes:
    """An `Any`: YAML text, of which JSON is a part."""
    return _text(2, orjson.dumps(value).decode() + "\n")


def _extensions(field: int, holder: Object) -> bytes:
    return b"".join(_nested(field, _named(k, _any(v))) for k, v in holder.items() if k.startswith("x-"))


def _info(info: Object) -> bytes:
    return _text(1, info["title"]) + _text(2, info["version"])


_METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}


def _path(item: Object) -> bytes:
    operations = b"".join(_nested(_METHODS[name], _operation(item[name])) for name in item if name in _METHODS)
    return operations + b"".join(_nested(9, _parameter(parameter)) for parameter in item.get("parameters", ()))


def _operation(operation: Object) -> bytes:
    responses = b"".join(_nested(1, _named(code, _response(r))) for code, r in operation["responses"].items())
    return b"".join(
        (
            _text(3, operation["description"]),
            _text(5, operation["operationId"]),
            *(_nested(8, _parameter(parameter)) for parameter in operation["parameters"]),
            _nested(9, responses),
            _extensions(13, operation),
        )
    )


def _response(response: Object) -> bytes:
    schema = _nested(2, _nested(1, _schema(response["schema"]))) if "schema" in response else b""
    return _nested(1, _text(1, response["description"]) + schema)


def _parameter(parameter: Object) -> bytes:
    """A ParametersItem. In queries the type comes one number later than in paths: queries may be empty."""
    query = parameter["in"] == "query"
    content = b"".join(
        (
            _flag(1, parameter.get("required", False)),
            _text(2, parameter["in"]),
            _text(3, parameter["description"]),
            _text(4, parameter["name"]),
            _text(6 if query else 5, parameter["type"]),
        )
    )
    return _nested(1, _nested(2, _nested(3 if query else 4, content)))


def _schemas(schemas: Object) -> bytes:
    """Definitions or Properties."""
    return b"".join(_nested(1, _named(name, _schema(schema))) for name, schema in schemas.items())


def _schema(schema: Object) -> bytes:
    return b"".join(_schema_fields(schema)) + _extensions(31, schema)


def _schema_fields(schema: Object) -> Iterator[bytes]:
    for key, field in (("$ref", 1), ("format", 2), ("title", 3), ("description", 4), ("pattern", 13)):
        yield _text(field, schema.get(key, ""))
    if "default" in schema:
        yield _nested(5, _any(schema["default"]))
    yield from (_text(19, name) for name in schema.get("required", ()))
    yield from (_nested(20, _any(value)) for value in schema.get("enum", ()))
    additional = schema.get("additionalProperties")
    if isinstance(additional, Mapping):
        yield _nested(21, _nested(1, _schema(additional)))
    elif additional is not None:
        yield _nested(21, _flag(2, additional))
    if "type" in schema:
        yield _nested(22, _text(1, schema["type"]))
    if "items" in schema:
        yield _nested(23, _nested(1, _schema(schema["items"])))
    if "properties" in schema:
        yield _nested(25, _schemas(schema["properties"]))
