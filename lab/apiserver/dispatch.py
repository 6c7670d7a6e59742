"""Which part of the server answers a request."""

from __future__ import annotations

from aiohttp import web

from . import verbs
from .call import Call
from .core import Core
from .discovery import serve_path
from .errors import unknown_path


async def dispatch(core: Core, call: Call) -> web.StreamResponse:
    """Answer an authorized request."""
    target = call.target
    if not target.resource:
        return await serve_path(core, call)
    resource = core.registry.find(target.group, target.version, target.resource)
    if resource is None:
        raise unknown_path()
    if resource.custom and resource.custom.deprecation:
        call.warnings.append(resource.custom.deprecation)
    return await verbs.serve(core, call, resource)
