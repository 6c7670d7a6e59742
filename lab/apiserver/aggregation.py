"""APIServices: whole API groups that other servers answer for, virt-api's subresources among them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from ..clock import timestamp
from .backends import Unresolved, service_url
from .call import Call
from .config import User
from .core import Core
from .crds import DEFINITIONS
from .errors import refuse
from .metadata import begin
from .negotiation import private
from .relay import relay
from .store import Change

Object = dict[str, Any]
API_SERVICES = ("apiregistration.k8s.io", "apiservices")
PROBE_PERIOD, RETRY_PERIOD = 10.0, 1.0
PROBE_LIMIT = 5.0
_LOCAL = {"reason": "Local", "message": "Local APIServices are always available"}


class Aggregator:
    """Passes requests on to the servers behind APIServices, and reports in their status whether these answer."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._documents: dict[str, Object] = {}
        self._probing: dict[str, asyncio.Event] = {}
        self._registered = -1
        core.store.listen(API_SERVICES, self._changed)
        core.store.listen(DEFINITIONS, self._kinds_changed)
        core.store.listen(("", "endpoints"), self._wake)

    def find(self, group: str, version: str) -> Object | None:
        """The APIService of a group and version, if another server answers for it."""
        stored = self._core.store.get(API_SERVICES, ("", f"{version}.{group}"))
        return stored.obj if stored and stored.obj["spec"].get("service") else None

    def remote(self) -> Iterator[tuple[Object, Object | None]]:
        """(APIService, its APIResourceList if it is available) of all that other servers answer for."""
        for service in self._core.store.objects(API_SERVICES):
            if service["spec"].get("service"):
                yield service, self._documents.get(service["metadata"]["name"])

    async def serve(self, call: Call, service: Object) -> web.StreamResponse:
        """Pass a request on."""
        spec = service["spec"]
        url = service_url(spec["service"]) + call.http.rel_url.raw_path
        if call.http.rel_url.raw_query_string:
            url += f"?{call.http.rel_url.raw_query_string}"
        try:
            self._core.backends.service(spec["service"])
            tls = self._tls(spec)
            return await relay(self._core.backends.session, call.http, url, tls, identity_headers(call.user))
        except aiohttp.WSServerHandshakeError as error:
            raise refuse(error.status, error.message) from error
        except (Unresolved, aiohttp.ClientError, OSError) as error:
            raise refuse(503, "service unavailable") from error

    def _tls(self, spec: Object) -> Any:
        return self._core.backends.front_proxy_tls(spec.get("caBundle") or "")

    def register_local(self) -> None:
        """Keep an APIService for every group and version that this server answers for itself."""
        registry, store = self._core.registry, self._core.store
        if registry.changed == self._registered:
            return
        self._registered = registry.changed
        served = {(resource.group, resource.version) for resource in registry}
        wanted = {f"{version}.{group}": (group, version) for group, version in served}
        present = {service["metadata"]["name"]: service for service in store.objects(API_SERVICES)}
        for name in wanted.keys() - present.keys():
            store.put(API_SERVICES, ("", name), self._local(name, *wanted[name]))
        for name in present.keys() - wanted.keys():
            if not present[name]["spec"].get("service"):
                store.remove(API_SERVICES, ("", name))

    def _local(self, name: str, group: str, version: str) -> Object:
        resource = self._core.registry.of_kind("apiregistration.k8s.io", "v1", "APIService")
        assert resource is not None
        spec = {"group": group, "version": version, "groupPriorityMinimum": 17000, "versionPriority": 15}
        service: Object = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}}
        begin(resource, service)
        return {**service, "spec": spec, "status": {"conditions": [_available("True", **_LOCAL)]}}

    def _changed(self, change: Change) -> None:
        name = change.new.obj["metadata"]["name"]
        if change.type == "DELETED":
            self._documents.pop(name, None)
        elif change.new.obj["spec"].get("service") and name not in self._probing:
            self._probing[name] = asyncio.Event()
            self._core.spawn(self._follow(name, self._probing[name]))

    def _kinds_changed(self, change: Change) -> None:
        asyncio.get_running_loop().call_soon(self.register_local)

    def _wake(self, change: Change) -> None:
        """Somebody may answer now who did not before, or no longer."""
        metadata = change.new.obj["metadata"]
        for service, _ in self.remote():
            reference, event = service["spec"]["service"], self._probing.get(service["metadata"]["name"])
            if event and (reference["namespace"], reference["name"]) == (metadata["namespace"], metadata["name"]):
                event.set()

    async def _follow(self, name: str, woken: asyncio.Event) -> None:
        """Keep asking the server behind an APIService, and keep the status true, while the APIService exists."""
        try:
            while stored := self._core.store.get(API_SERVICES, ("", name)):
                if not stored.obj["spec"].get("service"):
                    return
                condition = await self._probe(stored.obj)
                self._report(name, condition)
                woken.clear()
                with suppress(TimeoutError):
                    period = PROBE_PERIOD if condition["status"] == "True" else RETRY_PERIOD
                    await asyncio.wait_for(woken.wait(), period)
        finally:
            self._probing.pop(name, None)

    async def _probe(self, service: Object) -> Object:
        """The Available condition as it should be now; what the server offers is remembered on the way."""
        spec, name = service["spec"], service["metadata"]["name"]
        reference = spec["service"]
        where = f"{reference['namespace']}/{reference['name']}"
        url = f"{service_url(reference)}/apis/{spec['group']}/{spec['version']}"
        try:
            self._core.backends.service(reference)
            async with asyncio.timeout(PROBE_LIMIT):
                self._documents[name] = await self._fetch(url, spec)
        except Unresolved as error:
            self._documents.pop(name, None)
            missing = "not found" in str(error)
            reason = "ServiceNotFound" if missing else "MissingEndpoints"
            text = f'service/{reference["name"]} in "{reference["namespace"]}" is not present'
            endpoints = f'endpoints for service/{reference["name"]} in "{reference["namespace"]}" have no addresses'
            return _available("False", reason, text if missing else endpoints)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._documents.pop(name, None)
            text = f"failing or missing response from {url} of {where}: {error}"
            return _available("False", "FailedDiscoveryCheck", text)
        return _available("True", "Passed", "all checks passed")

    async def _fetch(self, url: str, spec: Object) -> Object:
        headers = dict(identity_headers(User("system:kube-aggregator", groups=("system:masters",))))
        async with self._core.backends.session.get(url, ssl=self._tls(spec), headers=headers) as answer:
            raw = await answer.read()
            if answer.status != 200:
                raise ValueError(f"bad status from {url}: {answer.status}")
            document: Object = orjson.loads(raw)
            return document

    def _report(self, name: str, condition: Object) -> None:
        stored = self._core.store.get(API_SERVICES, ("", name))
        if stored is None:
            return
        current: Object = next(iter(stored.obj.get("status", {}).get("conditions") or ()), {})
        same = ("status", "reason", "message")
        if any(current.get(field) != condition[field] for field in same):
            if current.get("status") == condition["status"]:
                condition["lastTransitionTime"] = current["lastTransitionTime"]
            new = private(stored.obj)
            new["status"] = {"conditions": [condition]}
            self._core.store.put(API_SERVICES, ("", name), new)


def identity_headers(user: User) -> list[tuple[str, str]]:
    """How a front proxy tells a server behind it who is asking."""
    headers = [("X-Remote-User", user.name), *(("X-Remote-Group", group) for group in user.groups)]
    if user.uid:
        headers.append(("X-Remote-Uid", user.uid))
    for key, values in user.extra:
        headers += [(f"X-Remote-Extra-{key}", value) for value in values]
    return headers


def _available(status: str, reason: str, message: str) -> Object:
    return {
        "type": "Available",
        "status": status,
        "lastTransitionTime": timestamp(),
        "reason": reason,
        "message": message,
    }
