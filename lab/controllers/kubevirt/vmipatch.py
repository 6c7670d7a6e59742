"""From two versions of an object to the JSON patch between them, each part guarded by what it replaces."""

from __future__ import annotations

from typing import Any

from ...kube import Object

Ops = list[dict[str, Any]]


def guarded_patch(old: Object, new: Object) -> Ops:
    """Operations for labels, annotations and the fields of the status; empty when nothing differs."""
    ops = []
    for field in ("labels", "annotations"):
        ops += _swap(f"/metadata/{field}", old["metadata"].get(field), new["metadata"].get(field))
    before, after = old.get("status") or {}, new.get("status") or {}
    for field in sorted(before.keys() | after.keys()):
        ops += _swap(f"/status/{field}", before.get(field), after.get(field))
    return ops


def _swap(path: str, old: Any, new: Any) -> Ops:
    if old == new:
        return []
    test = {"op": "test", "path": path, "value": old}
    if new is None:
        return [test, {"op": "remove", "path": path}]
    return [test, {"op": "replace", "path": path, "value": new}]
