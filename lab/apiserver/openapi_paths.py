"""`/openapi/v2` and `/openapi/v3`: documents made when first asked for, off the loop, and kept until kinds change."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import orjson
from aiohttp import web

from .call import Call
from .config import GIT_VERSION
from .core import Core
from .errors import unknown_path
from .negotiation import JSON
from .openapi import ResourceInfo, document, document_v2, index
from .openapi_proto import encode
from .resources import Resource

_PROTO = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_PROTO_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


class OpenApi:
    """The documents of one server."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._made: dict[str, bytes] = {}
        self._of = -1

    async def serve(self, call: Call, parts: list[str]) -> web.StreamResponse:
        """Answer what follows `/openapi`. Raises 404."""
        if self._core.registry.changed != self._of:
            self._made.clear()
            self._of = self._core.registry.changed
        infos = [_info(resource) for resource in self._core.registry]
        if parts == ["v2"]:
            if _PROTO in call.http.headers.get("Accept", ""):
                return _reply(
                    call, await self._get("v2.pb", lambda: encode(document_v2(infos, GIT_VERSION))), _PROTO_TYPE
                )
            return _reply(call, await self._get("v2", lambda: orjson.dumps(document_v2(infos, GIT_VERSION))))
        if parts == ["v3"]:
            return _reply(call, await self._get("v3", lambda: orjson.dumps(index(infos))))
        root = "/".join(parts[1:])
        found = [info for info in infos if info.root == root]
        if parts[:1] != ["v3"] or not found:
            raise unknown_path()
        return _reply(call, await self._get(root, lambda: orjson.dumps(document(found, GIT_VERSION))))

    async def _get(self, name: str, make: Callable[[], bytes]) -> bytes:
        if name not in self._made:
            self._made[name] = await asyncio.to_thread(make)
        return self._made[name]


def _reply(call: Call, raw: bytes, media: str = JSON) -> web.Response:
    tag = f'"{hashlib.sha256(raw).hexdigest().upper()}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache, private", "Content-Type": media, "Vary": "Accept"}
    if call.http.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=raw, headers=headers)


def _info(resource: Resource) -> ResourceInfo:
    return ResourceInfo(
        group=resource.group,
        version=resource.version,
        kind=resource.kind,
        plural=resource.plural,
        namespaced=resource.namespaced,
        verbs=resource.verbs,
        subresources=tuple(resource.subresources),
        custom=resource.custom is not None,
        schema=resource.custom.raw_schema if resource.custom else None,
    )
