"""`metadata.managedFields` of ordinary writes: who last set which field, for server-side apply to go by."""

from __future__ import annotations

from typing import Any

from .call import Call
from .resources import Resource

Object = dict[str, Any]


def record(call: Call, resource: Resource, old: Object | None, new: Object, operation: str, subresource: str) -> None:
    """Note in `new` who wrote what; a write that changes nothing leaves no note."""
    metadata = new["metadata"]
    if old is not None:
        kept = old["metadata"].get("managedFields")
        if kept:
            metadata["managedFields"] = kept
        else:
            metadata.pop("managedFields", None)
