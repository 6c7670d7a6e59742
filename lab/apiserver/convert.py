"""The same object in another version: what is stored once can be read and written as several API versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .resources import Resource

Object = dict[str, Any]
_EVENT_FIELDS = (
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
)


def converter(resource: Resource) -> Callable[[Object], Object] | None:
    """What turns a stored object into the resource's version; None when that is the stored one already."""
    if resource.version == resource.storage_version and resource.group == resource.storage[0]:
        return None
    if resource.group == "events.k8s.io":
        return _event_out
    return lambda obj: {**obj, "apiVersion": resource.api_version}


def to_storage(resource: Resource, obj: Object) -> Object:
    """An object as a client wrote it, in the version that is stored."""
    if resource.group == "events.k8s.io":
        return {**_renamed(obj, [(new, old) for old, new in _EVENT_FIELDS]), "apiVersion": "v1"}
    version = resource.storage_version
    return {**obj, "apiVersion": f"{resource.group}/{version}" if resource.group else version}


def _event_out(obj: Object) -> Object:
    return {**_renamed(obj, _EVENT_FIELDS), "apiVersion": "events.k8s.io/v1"}


def _renamed(obj: Object, names: Any) -> Object:
    table = dict(names)
    return {table.get(name, name): value for name, value in obj.items()}
