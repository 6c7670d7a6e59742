"""`metadata.managedFields` of ordinary writes: who last set which field, for server-side apply to go by."""

from __future__ import annotations

from typing import Any

from ..clock import timestamp
from .call import Call
from .conform import schema_of
from .managedfields import track_update
from .resources import Resource

Object = dict[str, Any]


def record(call: Call, resource: Resource, old: Object | None, new: Object, subresource: str) -> None:
    """Note in `new` who wrote what; a write that changes nothing leaves no note.

    A client that sends an empty list wants to start afresh, and is let.
    """
    metadata = new["metadata"]
    metadata.pop("managedFields", None)
    entries = track_update(old, new, call.manager, "Update", timestamp(), subresource, schema_of(resource))
    if entries:
        metadata["managedFields"] = entries
