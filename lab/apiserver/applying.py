"""Server-side apply: the client says what it wants of an object, and the server keeps whose wish is whose."""

from __future__ import annotations

from typing import Any

from ..clock import timestamp
from .call import Call
from .conform import schema_of, take_in
from .errors import StatusError, bad_request, invalid, refuse
from .managedfields import ApplyConflict, apply
from .metadata import check_place, check_type
from .requests import is_true
from .resources import Resource
from .store import Key, Stored
from .writing import Writer

Object = dict[str, Any]


async def apply_object(writer: Writer, call: Call, resource: Resource, key: Key, body: Any) -> tuple[Stored, bool]:
    """(the object, whether it was created). Raises 409 with every field that somebody else owns."""
    wanted = _wanted(call, resource, key, body)
    if writer.store.get(resource.storage, key) is None:
        if call.target.subresource:
            raise refuse(404, f'{resource.qualified} "{key[1]}" not found')
        new = _applied(call, resource, None, wanted)
        return await writer.create(call, resource, key[0], new, owned=True), True
    stored = await writer.update(
        call, resource, key, lambda live: _applied(call, resource, live, wanted), call.target.subresource, "apply", True
    )
    return stored, False


def _wanted(call: Call, resource: Resource, key: Key, body: Any) -> Object:
    if not call.query.get("fieldManager"):
        cause = ("fieldManager", "FieldValueRequired", "Required value: is required for apply patch")
        raise invalid("meta.k8s.io", "PatchOptions", "", [cause])
    if not isinstance(body, dict) or not body.get("apiVersion") or not body.get("kind"):
        raise bad_request("invalid object type: apiVersion and kind must be set")
    wanted = check_type(resource, body)
    if wanted["metadata"].get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    check_place(resource, wanted, *key)
    return take_in(resource, wanted, call.field_validation, (), call.warnings)


def _applied(call: Call, resource: Resource, live: Object | None, wanted: Object) -> Object:
    force = is_true(call.query.get("force"))
    manager, subresource = call.query["fieldManager"], call.target.subresource
    try:
        return apply(live, wanted, manager, force, timestamp(), resource.api_version, schema_of(resource), subresource)
    except ApplyConflict as error:
        raise StatusError(error.status()) from error
