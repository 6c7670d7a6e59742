"""A small asynchronous Kubernetes client: what the lab's controllers and nodes know the cluster by.

It speaks only what a real kube-apiserver answers, so a controller written against it can be pointed at one. The
official client is not used here because it is synchronous, and one thread a watch does not scale to a lab in a process.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

Object = dict[str, Any]
PATCH_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


@dataclass(frozen=True)
class Kind:
    """A resource as the API's paths name it. `group` is empty for the core group."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The URL path of the collection, the object or its subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part]
        return "/".join(parts)


class ApiError(Exception):
    """The API server's refusal: its HTTP `code`, `reason` ("Conflict", "NotFound", …), `message` and whole Status."""

    def __init__(self, code: int, status: Object) -> None:
        self.code = code
        self.status = status
        self.reason: str = status.get("reason", "")
        self.message: str = status.get("message", "")
        super().__init__(f"{code} {self.reason}: {self.message}")


@dataclass(frozen=True)
class WatchEvent:
    """One event of a watch. `type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Object


@dataclass(frozen=True)
class Page:
    """What a LIST answers: the items, and the collection's resourceVersion to watch from."""

    items: list[Object]
    resource_version: str


class Kube:
    """One component's connection to one API server. Use as an async context manager."""

    def __init__(self, server: str, token: str, component: str, way: ssl.SSLContext | Path) -> None:
        """`way` is how the server is reached: by TLS that trusts its authority, or by a Unix socket without."""
        self.server = server
        self.component = component
        self._way = way
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": f"seatrial-lab/{component}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Kube:
        self._session = aiohttp.ClientSession(
            self.server, connector=self._connector(), headers=self._headers, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    def _connector(self) -> aiohttp.BaseConnector:
        if isinstance(self._way, Path):
            return aiohttp.UnixConnector(str(self._way), limit=0, keepalive_timeout=60)
        return aiohttp.TCPConnector(ssl=self._way, limit=0, keepalive_timeout=60)

    async def __aexit__(self, *exc: object) -> None:
        assert self._session is not None
        await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        """Send one request and return the decoded JSON answer (None when empty). Raises ApiError on 4xx and 5xx."""
        assert self._session is not None
        data = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": content_type} if data is not None else None
        async with self._session.request(method, path, data=data, params=params, headers=headers) as answer:
            raw = await answer.read()
            if answer.status >= 400:
                raise ApiError(answer.status, _status(raw))
            return orjson.loads(raw) if raw else None

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        found: Object = await self.request("GET", kind.path(namespace, name))
        return found

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """Like `get`, but None when it does not exist."""
        try:
            return await self.get(kind, name, namespace)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> Page:
        answer = await self.request("GET", kind.path(namespace), params=_selectors(labels, fields))
        items = [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in answer["items"]]
        return Page(items, answer["metadata"]["resourceVersion"])

    async def create(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        typed = {"apiVersion": kind.api_version, "kind": kind.kind, **body}
        made: Object = await self.request("POST", kind.path(namespace or _namespace(body)), typed)
        return made

    async def replace(self, kind: Kind, body: Object, subresource: str | None = None) -> Object:
        """PUT the whole object, guarded by its resourceVersion."""
        path = kind.path(_namespace(body), body["metadata"]["name"], subresource)
        made: Object = await self.request("PUT", path, body)
        return made

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Any,
        namespace: str | None = None,
        style: str = "json",
        subresource: str | None = None,
    ) -> Object:
        """Patch with a JSON patch (`style="json"`), a merge patch, a strategic merge patch or server-side apply."""
        params = {"fieldManager": self.component, "force": "true"} if style == "apply" else None
        path = kind.path(namespace, name, subresource)
        made: Object = await self.request("PATCH", path, patch, params, PATCH_TYPES[style])
        return made

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        grace: int | None = None,
        uid: str | None = None,
        propagation: str | None = None,
    ) -> None:
        """Delete one object; one that is gone already is no error. `grace` is in seconds."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if uid:
            options["preconditions"] = {"uid": uid}
        if propagation:
            options["propagationPolicy"] = propagation
        try:
            await self.request("DELETE", kind.path(namespace, name), options)
        except ApiError as error:
            if error.code != 404:
                raise

    async def watch(
        self,
        kind: Kind,
        resource_version: str,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[WatchEvent]:
        """Yield events after `resource_version` until the server closes. Raises ApiError (410 when it is too old)."""
        assert self._session is not None
        params = {**_selectors(labels, fields), "watch": "true", "allowWatchBookmarks": "true"}
        params["resourceVersion"] = resource_version
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._session.get(kind.path(namespace), params=params, timeout=timeout) as answer:
            if answer.status >= 400:
                raise ApiError(answer.status, _status(await answer.read()))
            async for line in _lines(answer.content):
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 500), event["object"])
                yield WatchEvent(event["type"], event["object"])


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Split a stream at newlines; unlike `StreamReader.readline` it bears lines of any length."""
    rest = b""
    async for chunk in content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line


def _selectors(labels: str | None, fields: str | None) -> dict[str, str]:
    pairs = (("labelSelector", labels), ("fieldSelector", fields))
    return {key: value for key, value in pairs if value}


def _namespace(body: Object) -> str | None:
    namespace: str | None = body["metadata"].get("namespace")
    return namespace


def _status(raw: bytes) -> Object:
    try:
        status: Object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        status = {"message": raw.decode(errors="replace").strip()}
    return status if isinstance(status, dict) else {"message": str(status)}


def server_tls(ca_file: str) -> ssl.SSLContext:
    """A TLS context that trusts the cluster's certificate authority and nobody else."""
    return ssl.create_default_context(cafile=ca_file)


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
