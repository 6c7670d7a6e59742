"""PATCH requests: the four ways of saying what is to change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .applying import apply_object
from .call import Call
from .errors import StatusError, bad_request, refuse, status_object
from .negotiation import decode_patch
from .patch import REJECTED, PatchError, apply_json_patch, apply_merge_patch
from .resources import Resource
from .store import Key, Stored
from .strategic import apply_strategic_patch
from .writing import Writer

Object = dict[str, Any]
Change = Callable[[Object], Object]


async def patch_object(writer: Writer, call: Call, resource: Resource, key: Key) -> tuple[Stored, bool]:
    """(the object after the patch, whether it was created)."""
    raw = await call.http.read()
    style, patch = decode_patch(raw, call.http.headers.get("Content-Type"))
    if style == "apply":
        return await apply_object(writer, call, resource, key, patch)
    change = _change(resource, style, patch)
    return await writer.update(call, resource, key, change, call.target.subresource, "patch"), False


def _change(resource: Resource, style: str, patch: Any) -> Change:
    if style == "json":
        return lambda obj: _applied(resource, obj, lambda: apply_json_patch(obj, patch))
    if not isinstance(patch, dict):
        raise bad_request("json: cannot unmarshal array into Go value of type map[string]interface {}")
    if style == "merge":
        return lambda obj: _applied(resource, obj, lambda: apply_merge_patch(obj, patch))
    if resource.custom:
        message = "the body of the request was in an unknown format - accepted media types include: "
        raise refuse(
            415,
            message + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
        )
    kind = (resource.group, resource.version, resource.kind)
    return lambda obj: _applied(resource, obj, lambda: apply_strategic_patch(obj, patch, kind))


def _applied(resource: Resource, obj: Object, apply: Callable[[], Object]) -> Object:
    """Run a patch. A failing one is told to the client as a real API server tells it."""
    try:
        return apply()
    except PatchError as error:
        if error.code != 422:
            raise bad_request(error.message) from error
        raise StatusError(status_object(422, REJECTED)) from error
