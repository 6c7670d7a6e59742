"""Making a written object fit its kind: unknown fields, defaults, structure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .builtin_schemas import GVK, schema_for
from .builtin_schemas import validate as validate_builtin
from .call import STRICT, WARN, Call
from .decoding import decode_error
from .defaults import apply_defaults
from .errors import bad_request, invalid
from .metadata import Cause, metadata_causes
from .refusals import decoding_message
from .resources import Resource
from .schema import Schema, item_of, member_of
from .validation import rule_causes

Object = dict[str, Any]
_ANY_KIND = ("", "v1", "ConfigMap")


def schema_of(resource: Resource) -> Schema | None:
    """The resource's schema: its definition's, or that of the built-in kind."""
    if resource.custom:
        return resource.custom.schema
    return schema_for((resource.group, resource.version, resource.kind))


def take_in(
    resource: Resource,
    obj: Object,
    mode: str,
    duplicates: Sequence[str],
    warnings: list[str],
    old: Object | None = None,
) -> Object:
    """Drop what the kind does not know, and warn of it or refuse it as the client asked.

    Raises 400 also for a built-in kind's member of a wrong type; a custom one's is told by `check`.
    """
    if wrong := _unreadable(resource, obj, old):
        raise bad_request(wrong)
    schema = schema_of(resource)
    unknown: list[str] = []
    if schema is not None:
        obj, unknown = schema.prune(obj if resource.custom else without_nulls(obj, old), old)
    texts = [f'duplicate field "{path}"' for path in duplicates] + [f'unknown field "{path}"' for path in unknown]
    if mode == STRICT and texts:
        cause = f"strict decoding error: {', '.join(texts)}"
        raise bad_request(decoding_message(resource.kind, resource.version, cause))
    if mode in (WARN, ""):
        warnings += [text for text in texts if text not in warnings]
    return obj


def _unreadable(resource: Resource, obj: Object, old: Object | None) -> str | None:
    """The first member of a wrong type: in all of a built-in object, in the metadata of a custom one."""
    if not resource.custom:
        return decode_error((resource.group, resource.version, resource.kind), obj, old)
    wrong = decode_error(_ANY_KIND, {"metadata": obj.get("metadata", {})}, old)
    return decoding_message(resource.kind, resource.version, wrong.partition(": ")[2]) if wrong else None


async def typed_body(call: Call, kind: GVK) -> Object:
    """The body of a request that takes a built-in kind without storing it. Raises 400 for anything else."""
    body = await call.body()
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {kind[2]}): not an object")
    if wrong := decode_error(kind, body):
        raise bad_request(wrong)
    cleaned: Object = without_nulls(body)
    return cleaned


async def delete_options(call: Call) -> Object:
    """The DeleteOptions of a request, from its body and its query."""
    options = await typed_body(call, ("", "v1", "DeleteOptions"))
    grace = call.query.get("gracePeriodSeconds")
    if grace:
        try:
            options["gracePeriodSeconds"] = int(grace)
        except ValueError as error:
            raise bad_request(f'gracePeriodSeconds: Invalid value: "{grace}": must be a whole number') from error
    if call.query.get("propagationPolicy"):
        options["propagationPolicy"] = call.query["propagationPolicy"]
    return options


def without_nulls(value: Any, old: Any = None) -> Any:
    """Without members that are null: built-in kinds know none, since Go does not tell null from absent.

    What is as it was in `old` is not looked at again.
    """
    if isinstance(value, dict):
        if value == old:
            return value
        return {
            name: without_nulls(member, member_of(old, name)) for name, member in value.items() if member is not None
        }
    if isinstance(value, list):
        if value == old:
            return value
        return [without_nulls(item, item_of(old, index)) for index, item in enumerate(value) if item is not None]
    return value


def complete(resource: Resource, obj: Object, old: Object | None = None) -> Object:
    """Fill in what the writer left to the server."""
    if not resource.custom:
        apply_defaults(resource, obj, old)
        return obj
    schema = resource.custom.schema
    return obj if schema is None else schema.default(schema.prune(obj, old)[0])


def check(resource: Resource, obj: Object, old: Object | None = None) -> None:
    """Raises 422 when the object is not a valid one of its kind, or not a valid successor of `old`."""
    causes = [*metadata_causes(resource, obj["metadata"]), *_schema_causes(resource, obj, old)]
    told = {field for field, _, _ in causes}
    causes += [cause for cause in rule_causes(resource, obj, old) if cause[0] not in told]
    if causes:
        raise invalid(resource.group, resource.kind, obj["metadata"].get("name", ""), causes)


def _schema_causes(resource: Resource, obj: Object, old: Object | None) -> Iterator[Cause]:
    if resource.custom:
        errors = resource.custom.schema.validate(obj, old) if resource.custom.schema else []
    else:
        errors = validate_builtin((resource.group, resource.version, resource.kind), obj, old)
    for error in errors:
        yield error.path or "<nil>", error.type, error.detail
