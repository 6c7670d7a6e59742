"""What each kind lets a writer change: the border between spec and status, and when `generation` counts up."""

from __future__ import annotations

from typing import Any

from .metadata import carry_over, own_metadata
from .resources import Resource

Object = dict[str, Any]
_FIRST_STATUS: dict[str, Object] = {
    "namespaces": {"phase": "Active"},
    "pods": {"phase": "Pending"},
    "persistentvolumes": {"phase": "Pending"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "services": {"loadBalancer": {}},
    "ingresses.networking.k8s.io": {"loadBalancer": {}},
}
_KEEP_STATUS = frozenset({"nodes", "customresourcedefinitions.apiextensions.k8s.io"})
"""Kinds that are created together with their status: a kubelet registers a node so."""


def prepare_create(resource: Resource, obj: Object) -> None:
    """Reset what only a controller may say."""
    if not resource.has_status or resource.qualified in _KEEP_STATUS:
        return
    first = _FIRST_STATUS.get(resource.qualified)
    if first is not None:
        obj["status"] = dict(first)
    else:
        obj.pop("status", None)


def prepare_update(resource: Resource, old: Object, new: Object, subresource: str) -> Object:
    """The object to store: of `new`, what this subresource may change, and the rest of `old`."""
    if subresource == "status":
        new = _with_status_of(resource, old, new)
    elif subresource == "finalize":
        spec = {**old.get("spec", {}), "finalizers": (new.get("spec") or {}).get("finalizers") or []}
        new = {**old, "metadata": own_metadata(old["metadata"]), "spec": spec}
    elif resource.has_status and not _deals_with_both(resource, subresource):
        _take(new, old, "status")
    carry_over(old, new)
    if resource.qualified == "namespaces" and subresource != "finalize":
        new["spec"] = old.get("spec", {})
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    if "generation" in old["metadata"] and subresource != "binding" and _desires_something_else(resource, old, new):
        new["metadata"]["generation"] = old["metadata"]["generation"] + 1
    return new


def _deals_with_both(resource: Resource, subresource: str) -> bool:
    """Binding sets a pod's node and its condition in one write."""
    return subresource == "binding" and resource.qualified == "pods"


def _with_status_of(resource: Resource, old: Object, new: Object) -> Object:
    result = {**old, "metadata": own_metadata(old["metadata"])}
    _take(result, new, "status")
    if not resource.custom:
        for name in ("labels", "annotations", "finalizers"):
            _take(result["metadata"], new["metadata"], name)
    _take(result["metadata"], new["metadata"], "managedFields")
    return result


def _take(target: Object, source: Object, name: str) -> None:
    if source.get(name) is not None:
        target[name] = source[name]
    else:
        target.pop(name, None)


def _desires_something_else(resource: Resource, old: Object, new: Object) -> bool:
    """Whether anything but metadata changed, and but status where that is a subresource."""
    aside = {"metadata", "apiVersion", "kind"} | ({"status"} if resource.has_status else set())
    names = (old.keys() | new.keys()) - aside
    return any(old.get(name) != new.get(name) for name in names)
