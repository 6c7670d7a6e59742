"""Making a written object fit its kind: unknown fields, defaults, structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .builtin_schemas import schema_for
from .builtin_schemas import validate as validate_builtin
from .call import STRICT, WARN
from .decoding import decode_error
from .defaults import apply_defaults
from .errors import bad_request, invalid
from .metadata import Cause, metadata_causes
from .refusals import decoding_message
from .resources import Resource
from .schema import Schema
from .validation import rule_causes

Object = dict[str, Any]


def schema_of(resource: Resource) -> Schema | None:
    """The resource's schema: its definition's, or that of the built-in kind."""
    if resource.custom:
        return resource.custom.schema
    return schema_for((resource.group, resource.version, resource.kind))


def take_in(resource: Resource, obj: Object, mode: str, duplicates: Sequence[str], warnings: list[str]) -> Object:
    """Drop what the kind does not know, and warn of it or refuse it as the client asked.

    Raises 400 also for a built-in kind's member of a wrong type; a custom one's is told by `check`.
    """
    if not resource.custom and (wrong := decode_error((resource.group, resource.version, resource.kind), obj)):
        raise bad_request(wrong)
    schema = schema_of(resource)
    unknown: list[str] = []
    if schema is not None:
        obj, unknown = schema.prune(obj)
    texts = [f'duplicate field "{path}"' for path in duplicates] + [f'unknown field "{path}"' for path in unknown]
    if mode == STRICT and texts:
        cause = f"strict decoding error: {', '.join(texts)}"
        raise bad_request(decoding_message(resource.kind, resource.version, cause))
    if mode in (WARN, ""):
        warnings += [text for text in texts if text not in warnings]
    return obj


def complete(resource: Resource, obj: Object, old: Object | None = None) -> Object:
    """Fill in what the writer left to the server."""
    if not resource.custom:
        apply_defaults(resource, obj, old)
        return obj
    schema = resource.custom.schema
    return obj if schema is None else schema.default(schema.prune(obj)[0])


def check(resource: Resource, obj: Object, old: Object | None = None) -> None:
    """Raises 422 when the object is not a valid one of its kind, or not a valid successor of `old`."""
    causes = [*metadata_causes(resource, obj["metadata"]), *_schema_causes(resource, obj)]
    told = {field for field, _, _ in causes}
    causes += [cause for cause in rule_causes(resource, obj, old) if cause[0] not in told]
    if causes:
        raise invalid(resource.group, resource.kind, obj["metadata"].get("name", ""), causes)


def _schema_causes(resource: Resource, obj: Object) -> Iterator[Cause]:
    if resource.custom:
        errors = resource.custom.schema.validate(obj) if resource.custom.schema else []
    else:
        errors = validate_builtin((resource.group, resource.version, resource.kind), obj)
    for error in errors:
        yield error.path or "<nil>", error.type, error.detail
