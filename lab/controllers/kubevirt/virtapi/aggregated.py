"""The aggregated API `subresources.kubevirt.io`: its discovery, its routes, and what each route calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from ....defects import Defects
from ....informer import Informer
from ....kube import Kube, Object
from ....release import Release
from .access import check_access
from .guests import Guests
from .lifecycle import Lifecycle
from .refusals import PlainRefusal, Refusal, bad_request
from .settings import Settings

GROUP = "subresources.kubevirt.io"
VERSIONS = ("v1", "v1alpha3")
VM, VMI = "virtualmachines", "virtualmachineinstances"
COMMANDS = ("pause", "unpause", "freeze", "unfreeze", "reset", "softreboot")
LOOKS = ("guestosinfo", "userlist", "filesystemlist")
NOT_MODELLED = ("vnc", "portforward", "usbredir", "vsock", "addvolume", "removevolume", "memorydump")
Handler = Callable[[web.Request, str, str], Awaitable[web.StreamResponse]]


class Aggregated:
    """The routes of one virt-api."""

    def __init__(self, kube: Kube, guests: Guests, cluster: Informer, release: Release, defects: Defects) -> None:
        self._kube, self._guests, self._cluster, self._release = kube, guests, cluster, release
        self._lifecycle = Lifecycle(kube, defects)

    def add_routes(self, app: web.Application) -> None:
        app.router.add_get("/apis", self._groups)
        app.router.add_get(f"/apis/{GROUP}", self._group)
        for version in VERSIONS:
            root = f"/apis/{GROUP}/{version}"
            app.router.add_get(root, self._resources)
            app.router.add_get(f"{root}/version", self._version)
            app.router.add_get(f"{root}/guestfs", self._guestfs)
            app.router.add_get(f"{root}/healthz", _healthy)
            for method, resource, sub, handler in self._routes():
                path = f"{root}/namespaces/{{namespace}}/{resource}/{{name}}/{sub}"
                app.router.add_route(method, path, self._guarded(resource, sub, handler))
            for sub in NOT_MODELLED:
                app.router.add_route("*", f"{root}/namespaces/{{namespace}}/{{kind}}/{{name}}/{sub}", _not_modelled)
                app.router.add_route(
                    "*", f"{root}/namespaces/{{namespace}}/{{kind}}/{{name}}/{sub}/{{rest:.*}}", _not_modelled
                )

    def _routes(self) -> list[tuple[str, str, str, Handler]]:
        life = self._lifecycle
        changes = {"start": life.start, "stop": life.stop, "restart": life.restart, "migrate": life.migrate}
        routes: list[tuple[str, str, str, Handler]] = [
            ("PUT", VM, name, _changing(change)) for name, change in changes.items()
        ]
        routes += [("PUT", VMI, verb, self._commanding(verb)) for verb in COMMANDS]
        routes += [("GET", VMI, what, self._looking(what)) for what in LOOKS]
        routes.append(("GET", VMI, "console", self._console))
        if self._release.has_evacuate_cancel:
            routes.append(("PUT", VM, "evacuate/cancel", self._cancel_of_vm))
            routes.append(("PUT", VMI, "evacuate/cancel", self._cancel_of_vmi))
        return routes

    def _guarded(
        self, resource: str, sub: str, handler: Handler
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            namespace, name = request.match_info["namespace"], request.match_info["name"]
            try:
                await check_access(self._kube, request, namespace, resource, name, sub)
                return await handler(request, namespace, name)
            except Refusal as refusal:
                return _json(refusal.status(), refusal.code)
            except PlainRefusal as refusal:
                return web.Response(text=refusal.message, status=refusal.code)

        return handle

    def _commanding(self, verb: str) -> Handler:
        async def handle(request: web.Request, namespace: str, name: str) -> web.StreamResponse:
            options = await _options(request) or {}
            dry = verb in ("pause", "unpause") and options.get("dryRun") == ["All"]
            await self._guests.command(namespace, name, verb, dry=dry)
            return web.Response(status=200)

        return handle

    def _looking(self, what: str) -> Handler:
        async def handle(request: web.Request, namespace: str, name: str) -> web.StreamResponse:
            content = await self._guests.look(namespace, name, what)
            return web.Response(body=content, content_type="application/json")

        return handle

    async def _console(self, request: web.Request, namespace: str, name: str) -> web.StreamResponse:
        return await self._guests.console(namespace, name, request)

    async def _cancel_of_vm(self, request: web.Request, namespace: str, name: str) -> web.StreamResponse:
        return await self._cancel(await self._lifecycle.vmi_of_vm(namespace, name), request)

    async def _cancel_of_vmi(self, request: web.Request, namespace: str, name: str) -> web.StreamResponse:
        return await self._cancel(await self._lifecycle.vmi(namespace, name), request)

    async def _cancel(self, vmi: Object, request: web.Request) -> web.Response:
        taint = Settings.of(self._cluster.items(), self._release).drain_taint
        await self._lifecycle.cancel_evacuation(vmi, await _options(request), taint)
        return web.Response(status=200)

    async def _groups(self, request: web.Request) -> web.Response:
        return _json({"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group()]})

    async def _group(self, request: web.Request) -> web.Response:
        return _json({"kind": "APIGroup", "apiVersion": "v1", **_group()})

    async def _resources(self, request: web.Request) -> web.Response:
        version = request.path.rsplit("/", 1)[-1]
        names = {(resource, sub): "update" if method == "PUT" else "get" for method, resource, sub, _ in self._routes()}
        listed = [
            {"name": f"{resource}/{sub}", "singularName": "", "namespaced": True, "kind": "", "verbs": [verb]}
            for (resource, sub), verb in sorted(names.items())
        ]
        listed += [
            {"name": name, "singularName": "", "namespaced": False, "kind": "", "verbs": ["get"]}
            for name in ("guestfs", "version")
        ]
        return _json(
            {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/{version}", "resources": listed}
        )

    async def _version(self, request: web.Request) -> web.Response:
        major, minor = self._release.number
        told = {"major": str(major), "minor": str(minor), "gitVersion": self._release.version, "gitTreeState": "clean"}
        return _json({**told, "platform": "linux/amd64"})

    async def _guestfs(self, request: web.Request) -> web.Response:
        image = {"registry": "quay.io/kubevirt", "tag": self._release.version, "digest": "", "imagePrefix": ""}
        return _json({**image, "gsImage": ""})


def _changing(change: Callable[[str, str, dict[str, Any]], Awaitable[None]]) -> Handler:
    async def handle(request: web.Request, namespace: str, name: str) -> web.StreamResponse:
        await change(namespace, name, await _options(request) or {})
        return web.Response(status=202)

    return handle


def _group() -> Object:
    versions = [{"groupVersion": f"{GROUP}/{version}", "version": version} for version in VERSIONS]
    return {"name": GROUP, "versions": versions, "preferredVersion": versions[0]}


async def _options(request: web.Request) -> dict[str, Any] | None:
    """The body's options; None for a request without a body."""
    raw = await request.read()
    if not raw.strip():
        return None
    try:
        options = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"Can not unmarshal Request body to struct, error: {error}") from error
    return options if isinstance(options, dict) else {}


async def _not_modelled(request: web.Request) -> web.Response:
    """The lab says what it cannot do, instead of pretending."""
    what = request.path.rsplit("/", 1)[-1]
    return _json(Refusal(501, "NotImplemented", f"the lab does not model the subresource {what!r}").status(), 501)


async def _healthy(request: web.Request) -> web.Response:
    return web.Response(text="ok")


def _json(body: Object, code: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=code, content_type="application/json")
