"""The verbs on resources: what each turns into, and how it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from .answers import answer, answer_json, answer_object, success, warning_headers
from .call import IGNORE, Call
from .conform import delete_options
from .core import Core
from .errors import method_not_allowed, unknown_path
from .negotiation import decode, private
from .patching import patch_object
from .render import Renderer
from .requests import is_true
from .resources import Resource
from .selection import selection
from .store import Key
from .watching import Watch, watch_options

Object = dict[str, Any]
Verb = Callable[[Core, Call, Resource], Awaitable[web.StreamResponse]]
_RETURNS_DELETED = frozenset(
    {
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourcequotas",
        "serviceaccounts",
        "services",
    }
)


async def serve(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """Answer a request for an object or collection, or an object's status."""
    target = call.target
    if target.subresource not in ("", "status", "finalize") or target.rest:
        raise unknown_path()
    if target.subresource and target.subresource not in resource.subresources:
        raise unknown_path()
    allowed = resource.subresources[target.subresource] if target.subresource else resource.verbs
    handler = _VERBS.get(target.verb)
    if handler is None or target.verb not in allowed:
        raise method_not_allowed()
    return await handler(core, call, resource)


def key_of(call: Call, resource: Resource) -> Key:
    return (call.target.namespace if resource.namespaced else "", call.target.name)


async def _get(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    return answer_object(call, resource, core.reader.get(resource, key_of(call, resource)))


async def _list(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    selected = selection(resource, call.namespace, call.target.name, call.query)
    page = core.reader.list(resource, selected, call.query)
    renderer = Renderer(resource, call.wanted, call.query.get("includeObject", ""))
    return answer(call, renderer.list(page.items, page.metadata))


async def _watch(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    selected = selection(resource, call.namespace, call.target.name, call.query)
    flags = [name for name, value in call.query.items() if is_true(value)]
    options = watch_options(call.query, flags)
    renderer = Renderer(resource, call.wanted, call.query.get("includeObject", ""))
    watch = Watch(core.store, resource.storage, selected, renderer)
    core.watches.add(watch)
    try:
        return await watch.serve(call.http, options, dict(warning_headers(call.warnings)))
    finally:
        core.watches.discard(watch)


async def _create(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    if call.target.name:
        raise method_not_allowed()
    raw = await call.http.read()
    strict = call.field_validation not in ("", IGNORE)
    body = decode(raw, call.http.headers.get("Content-Type"), find_duplicates=strict)
    stored = await core.writer.create(call, resource, call.namespace, body.content, body.duplicates)
    return answer_object(call, resource, stored, 201)


async def _update(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    body = await call.body()
    subresource = call.target.subresource
    stored = await core.writer.update(call, resource, key_of(call, resource), lambda _: private(body), subresource)
    return answer_object(call, resource, stored)


async def _patch(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    stored, created = await patch_object(core.writer, call, resource, key_of(call, resource))
    return answer_object(call, resource, stored, 201 if created else 200)


async def _delete(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    options = await delete_options(call)
    stored, gone = await core.deleter.delete(call, resource, key_of(call, resource), options)
    if gone and not (resource.group == "" and resource.plural in _RETURNS_DELETED):
        return answer_json(success(resource, stored.obj), warnings=call.warnings)
    return answer_object(call, resource, stored)


async def _delete_collection(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    options = await delete_options(call)
    selected = selection(resource, call.namespace, "", call.query)
    gone = await core.deleter.delete_collection(call, resource, selected.namespace, selected, options)
    renderer = Renderer(resource, call.wanted, call.query.get("includeObject", ""))
    return answer(call, renderer.list(gone, {"resourceVersion": str(core.store.version)}))


_VERBS: dict[str, Verb] = {
    "get": _get,
    "list": _list,
    "watch": _watch,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}
