"""What the server serves, told in the two forms that clients ask for; and the paths that are no resources."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from .aggregated_discovery import MEDIA, aggregated, subresource_kind
from .aggregation import Aggregator
from .answers import answer_json
from .call import Call
from .config import GIT_VERSION
from .core import Core
from .errors import unknown_path
from .openapi_paths import OpenApi
from .resources import Resource, version_order

Object = dict[str, Any]
_HEALTH = ("/healthz", "/livez", "/readyz")


async def serve_path(core: Core, aggregator: Aggregator, openapi: OpenApi, call: Call) -> web.StreamResponse:
    """Answer a path that is no resource. Raises 404."""
    path = call.target.path.rstrip("/") or "/"
    parts = path.strip("/").split("/")
    if path == "/":
        return answer_json({"paths": _paths(core, aggregator)})
    if path == "/version":
        return answer_json(version())
    if any(path == health or path.startswith(f"{health}/") for health in _HEALTH):
        return web.Response(text="ok")
    if path == "/metrics":
        return web.Response(text=f"apiserver_storage_objects_total {core.store.version}\n")
    if parts[0] == "openapi":
        return await openapi.serve(call, parts[1:])
    found = answer_json(_discovery(core, aggregator, call, parts))
    if call.wanted.discovery and parts in (["api"], ["apis"]):
        found.headers["Content-Type"] = MEDIA.format(version=call.wanted.discovery)
    return found


def version() -> Object:
    major, minor = GIT_VERSION.lstrip("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": GIT_VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "cpython",
        "platform": "linux/amd64",
    }


def _discovery(core: Core, aggregator: Aggregator, call: Call, parts: list[str]) -> Object:
    groups = _groups(core, aggregator)
    if parts in (["api"], ["apis"]) and call.wanted.discovery:
        return aggregated(core, aggregator, call.wanted.discovery, core_group=parts == ["api"])
    if parts == ["api"]:
        address = f"{core.config.host}:{core.config.port}"
        return {
            "kind": "APIVersions",
            "versions": groups[""],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
        }
    if parts == ["apis"]:
        listed = [group_document(name, versions) for name, versions in groups.items() if name]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}
    if parts[0] == "apis" and len(parts) == 2 and parts[1] in groups:
        return {"apiVersion": "v1", **group_document(parts[1], groups[parts[1]])}
    found = core.registry.of_version(call.target.group, call.target.version)
    if found and len(parts) <= 3 and parts[0] in ("api", "apis"):
        return resource_list(found)
    raise unknown_path()


def _groups(core: Core, aggregator: Aggregator) -> dict[str, list[str]]:
    """Group to versions, the preferred first, those of other servers included."""
    groups = core.registry.groups()
    for service, _ in aggregator.remote():
        groups.setdefault(service["spec"]["group"], []).append(service["spec"]["version"])
    return {group: sorted(versions, key=version_order) for group, versions in groups.items()}


def group_document(name: str, versions: list[str]) -> Object:
    """An APIGroup."""
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"kind": "APIGroup", "name": name, "versions": listed, "preferredVersion": listed[0]}


def resource_list(resources: Iterable[Resource]) -> Object:
    """An APIResourceList of one group and version."""
    resources = sorted(resources, key=lambda item: item.plural)
    documents: list[Object] = []
    for resource in resources:
        documents.append(_document(resource))
        documents += [_subdocument(resource, name, list(verbs)) for name, verbs in resource.subresources.items()]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": resources[0].api_version,
        "resources": documents,
    }


def _document(resource: Resource) -> Object:
    document: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        document["shortNames"] = list(resource.short_names)
    if resource.categories:
        document["categories"] = list(resource.categories)
    if "list" in resource.verbs:
        document["storageVersionHash"] = _hash(resource)
    return document


def _subdocument(resource: Resource, name: str, verbs: list[str]) -> Object:
    group, version, kind = subresource_kind(resource, name)
    document: Object = {
        "name": f"{resource.plural}/{name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": kind,
        "verbs": verbs,
    }
    if (group, version) != (resource.group, resource.version):
        document |= {"group": group, "version": version}
    return document


def _paths(core: Core, aggregator: Aggregator) -> list[str]:
    groups = _groups(core, aggregator)
    found = ["/api", *(f"/api/{version}" for version in groups[""]), "/apis"]
    for name, versions in groups.items():
        if name:
            found += [f"/apis/{name}", *(f"/apis/{name}/{version}" for version in versions)]
    return [*found, *_HEALTH, "/metrics", "/openapi/v2", "/openapi/v3", "/version"]


def _hash(resource: Resource) -> str:
    raw = f"{resource.storage[0]}/{resource.storage_version}/{resource.storage[1]}".encode()
    return base64.b64encode(hashlib.sha256(raw).digest()[:8]).decode()
