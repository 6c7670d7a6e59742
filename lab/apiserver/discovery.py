"""What the server serves, told in the two forms that clients ask for; and the paths that are no resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from .aggregation import Aggregator
from .answers import answer_json
from .call import Call
from .config import GIT_VERSION
from .core import Core
from .errors import unknown_path
from .resources import Resource

Object = dict[str, Any]
_HEALTH = ("/healthz", "/livez", "/readyz")
_SUBRESOURCE_KINDS = {
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "scale": ("autoscaling", "v1", "Scale"),
    "exec": ("", "v1", "PodExecOptions"),
    "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
}
_PROXY_KINDS = {"pods": "PodProxyOptions", "services": "ServiceProxyOptions", "nodes": "NodeProxyOptions"}


async def serve_path(core: Core, aggregator: Aggregator, call: Call) -> web.StreamResponse:
    """Answer a path that is no resource. Raises 404."""
    path = call.target.path.rstrip("/") or "/"
    parts = path.strip("/").split("/")
    if path == "/":
        return answer_json({"paths": _paths(core)})
    if path == "/version":
        return answer_json(version())
    if any(path == health or path.startswith(f"{health}/") for health in _HEALTH):
        return web.Response(text="ok")
    if path == "/metrics":
        return web.Response(text=f"apiserver_storage_objects_total {core.store.version}\n")
    if parts[0] == "openapi":
        from .openapi_paths import serve_openapi

        return serve_openapi(core, call, parts[1:])
    return answer_json(_discovery(core, aggregator, call, parts))


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
    groups = core.registry.groups()
    if parts == ["api"]:
        return {
            "kind": "APIVersions",
            "versions": groups[""],
            "serverAddressByClientCIDRs": [
                {"clientCIDR": "0.0.0.0/0", "serverAddress": f"{core.config.host}:{core.config.port}"}
            ],
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
        document["storageVersionHash"] = f"{abs(hash((resource.storage, resource.storage_version))):x}"[:12]
    return document


def _subdocument(resource: Resource, name: str, verbs: list[str]) -> Object:
    group, version, kind = _subresource_kind(resource, name)
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


def _subresource_kind(resource: Resource, name: str) -> tuple[str, str, str]:
    if name == "proxy":
        return "", "v1", _PROXY_KINDS[resource.plural]
    return _SUBRESOURCE_KINDS.get(name, (resource.group, resource.version, resource.kind))


def _paths(core: Core) -> list[str]:
    groups = core.registry.groups()
    found = ["/api", *(f"/api/{version}" for version in groups[""]), "/apis"]
    for name, versions in groups.items():
        if name:
            found += [f"/apis/{name}", *(f"/apis/{name}/{version}" for version in versions)]
    return [*found, *_HEALTH, "/metrics", "/openapi/v2", "/openapi/v3", "/version"]
