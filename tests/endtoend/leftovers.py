"""What a run may have left on a cluster, found by its labels and by comparison, not by what sweeping looks at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import KUBEVIRT, NODE, Kind, Object
from seatrial.fixtures.leases import SYSTEM

OURS = "seatrial.io/"
_NOT_FOR_US = {"events", "bindings", "componentstatuses"}


def traces(api: Api) -> list[str]:
    """Every object of every kind that carries a label or annotation of ours, and our namespaces."""
    return sorted({f"{kind.plural} {_name(obj)}" for kind in _listable(api) for obj in api.list(kind) if _is_ours(obj)})


def untouchables(api: Api) -> dict[str, Any]:
    """What a run may change only for a while: the KubeVirt object's spec; labels, taints and cordons of nodes."""
    nodes = {node["metadata"]["name"]: _node(node) for node in api.list(NODE)}
    return {"nodes": nodes, "kubevirt": api.list(KUBEVIRT)[0]["spec"]}


def _node(node: Object) -> Object:
    labels = node["metadata"].get("labels") or {}
    annotations = [key for key in node["metadata"].get("annotations") or {} if key.startswith(OURS)]
    return {"labels": sorted(labels), "annotations": annotations, "spec": node.get("spec")}


def _name(obj: Object) -> str:
    meta = obj["metadata"]
    return "/".join(filter(None, (meta.get("namespace"), meta["name"])))


def _is_ours(obj: Object) -> bool:
    meta = obj["metadata"]
    keys = (*(meta.get("labels") or ()), *(meta.get("annotations") or ()))
    return any(OURS in key for key in keys) or SYSTEM in (meta.get("namespace"), meta["name"])


def _listable(api: Api) -> Iterator[Kind]:
    """Every kind that the cluster serves, once for each group."""
    yield from _kinds(api, "", "v1", "/api/v1")
    for group in api.request("GET", "/apis")["groups"]:
        preferred = group["preferredVersion"]["groupVersion"]
        yield from _kinds(api, group["name"], preferred.rpartition("/")[2], f"/apis/{preferred}")


def _kinds(api: Api, group: str, version: str, path: str) -> Iterator[Kind]:
    for resource in api.request("GET", path)["resources"]:
        name = resource["name"]
        if "list" in resource["verbs"] and "/" not in name and name not in _NOT_FOR_US:
            yield Kind(group, version, name, resource["kind"], resource["namespaced"])
