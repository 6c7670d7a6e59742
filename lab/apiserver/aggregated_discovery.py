"""Everything that is served, in one document: the form of discovery that current clients ask for first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .aggregation import Aggregator
from .core import Core
from .resources import Resource, version_order

Object = dict[str, Any]
MEDIA = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
_SUBRESOURCE_KINDS = {
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "scale": ("autoscaling", "v1", "Scale"),
    "exec": ("", "v1", "PodExecOptions"),
}
_PROXY_KINDS = {"pods": "PodProxyOptions", "services": "ServiceProxyOptions", "nodes": "NodeProxyOptions"}


def subresource_kind(resource: Resource, name: str) -> tuple[str, str, str]:
    """(group, version, kind) of what a subresource takes or shows."""
    if name == "proxy":
        return "", "v1", _PROXY_KINDS[resource.plural]
    return _SUBRESOURCE_KINDS.get(name, (resource.group, resource.version, resource.kind))


def aggregated(core: Core, aggregator: Aggregator, version: str, *, core_group: bool) -> Object:
    """An APIGroupDiscoveryList: the core group's, or that of all others."""
    groups: dict[str, list[Object]] = {}
    for group, versions in core.registry.groups().items():
        if (not group) == core_group:
            groups[group] = [_version(name, core.registry.of_version(group, name)) for name in versions]
    for service, document in () if core_group else aggregator.remote():
        spec = service["spec"]
        groups.setdefault(spec["group"], []).append(_remote_version(spec, document))
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
            "versions": sorted(versions, key=lambda item: version_order(item["version"])),
        }
        for group, versions in groups.items()
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }


def _version(name: str, resources: Iterable[Resource]) -> Object:
    listed = [_resource(resource) for resource in sorted(resources, key=lambda item: item.plural)]
    return {"version": name, "resources": listed, "freshness": "Current"}


def _resource(resource: Resource) -> Object:
    document: Object = {
        "resource": resource.plural,
        "responseKind": _kind(resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        document["shortNames"] = list(resource.short_names)
    if resource.categories:
        document["categories"] = list(resource.categories)
    parts = [
        {"subresource": name, "responseKind": _kind(*subresource_kind(resource, name)), "verbs": list(verbs)}
        for name, verbs in resource.subresources.items()
    ]
    return {**document, "subresources": parts} if parts else document


def _kind(group: str, version: str, kind: str) -> Object:
    return {"group": group, "version": version, "kind": kind}


def _remote_version(spec: Object, document: Object | None) -> Object:
    """Another server's version, from its APIResourceList; without one it is stale."""
    if document is None:
        return {"version": spec["version"], "freshness": "Stale"}
    resources: dict[str, Object] = {}
    for item in document.get("resources") or ():
        name, _, part = item["name"].partition("/")
        kind = _kind(item.get("group") or spec["group"], item.get("version") or spec["version"], item["kind"])
        found = resources.setdefault(name, _placeholder(item, name))
        if part:
            found.setdefault("subresources", []).append(
                {"subresource": part, "responseKind": kind, "verbs": item["verbs"]}
            )
        else:
            found |= {"responseKind": kind, "verbs": item["verbs"], "singularResource": item.get("singularName", "")}
    return {"version": spec["version"], "resources": list(resources.values()), "freshness": "Current"}


def _placeholder(item: Object, name: str) -> Object:
    """A resource of which only subresources are listed, as virt-api's are."""
    return {
        "resource": name,
        "responseKind": {"group": "", "version": "", "kind": ""},
        "scope": "Namespaced" if item.get("namespaced") else "Cluster",
        "singularResource": "",
        "verbs": [],
    }
