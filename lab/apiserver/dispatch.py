"""Which part of the server answers a request."""

from __future__ import annotations

from aiohttp import web

from . import verbs
from .aggregation import Aggregator
from .call import Call
from .core import Core
from .discovery import serve_path
from .errors import method_not_allowed, unknown_path
from .openapi_paths import OpenApi
from .resources import Resource
from .reviews import review
from .subresources import bind_by_body, handler_of


async def dispatch(core: Core, aggregator: Aggregator, openapi: OpenApi, call: Call) -> web.StreamResponse:
    """Answer an authorized request."""
    target = call.target
    remote = aggregator.find(target.group, target.version) if target.group else None
    if remote is not None:
        return await aggregator.serve(call, remote)
    if not target.resource:
        return await serve_path(core, aggregator, openapi, call)
    resource = core.registry.find(target.group, target.version, target.resource)
    if resource is None:
        raise unknown_path()
    if resource.custom and resource.custom.deprecation:
        call.warnings.append(resource.custom.deprecation)
    if resource.verbs == ("create",):
        return await _create_only(core, call, resource)
    handler = handler_of(resource, target.subresource) if target.subresource in resource.subresources else None
    if handler is None:
        return await verbs.serve(core, call, resource)
    if target.verb not in resource.subresources[target.subresource]:
        raise method_not_allowed()
    return await handler(core, call, resource)


async def _create_only(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """Kinds of which nothing is stored: questions, and bindings."""
    if call.target.verb != "create" or call.target.name:
        raise method_not_allowed()
    if resource.plural == "bindings":
        return await bind_by_body(core, call)
    return await review(core, call, resource)
