"""Objects as the client wants to read them: whole, as a table, or their metadata only.

Whole objects leave as the bytes their stored version was encoded to once; only tables and metadata are made afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import yaml

from .convert import converter
from .negotiation import JSON, YAML, Shape, Wanted
from .resources import Resource
from .store import Stored
from .tables import Column, columns_for, crd_columns, render

Object = dict[str, Any]


class Renderer:
    """Renders objects of one resource for one client."""

    def __init__(self, resource: Resource, wanted: Wanted, include_object: str = "Metadata") -> None:
        self.resource, self.wanted, self.include = resource, wanted, include_object or "Metadata"
        self._convert: Callable[[Object], Object] | None = converter(resource)
        self._columns: Sequence[Column] = ()
        if wanted.shape is Shape.TABLE:
            custom = resource.custom
            self._columns = crd_columns(custom.columns) if custom else columns_for(resource.group, resource.kind)

    def object(self, stored: Stored) -> bytes:
        """One object as the body of a response."""
        if self.wanted.shape is Shape.FULL:
            return stored.encoded(self.resource.api_version, self._convert)
        if self.wanted.shape is Shape.PARTIAL:
            return orjson.dumps(self._partial(stored))
        metadata = {"resourceVersion": stored.obj["metadata"].get("resourceVersion", "")}
        return orjson.dumps(self._table([stored], metadata))

    def list(self, items: Sequence[Stored], metadata: Object) -> bytes:
        """A list as the body of a response."""
        if self.wanted.shape is Shape.TABLE:
            return orjson.dumps(self._table(items, metadata))
        if self.wanted.shape is Shape.PARTIAL:
            kind, api_version = "PartialObjectMetadataList", "meta.k8s.io/v1"
            encoded = [orjson.dumps(self._partial(item)) for item in items]
        else:
            kind, api_version = self.resource.list_name, self.resource.api_version
            encoded = [item.encoded(api_version, self._convert) for item in items]
        head = orjson.dumps({"kind": kind, "apiVersion": api_version, "metadata": metadata})
        return b'%s,"items":[%s]}' % (head[:-1], b",".join(encoded))

    def event(self, kind: str, stored: Stored, *, first: bool) -> bytes:
        """One line of a watch. Only the first one's table has column definitions."""
        body = self.object(stored)
        if self.wanted.shape is Shape.TABLE and not first:
            body = orjson.dumps({**orjson.loads(body), "columnDefinitions": None})
        return b'{"type":"%s","object":%s}\n' % (kind.encode(), body)

    def bookmark(self, version: int, *, initial_events_end: bool = False) -> bytes:
        metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
        if initial_events_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        if self.wanted.shape is Shape.TABLE:
            row = {"kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": metadata}
            found = render(self._columns, [row], self.include, list_metadata={"resourceVersion": str(version)})
        elif self.wanted.shape is Shape.PARTIAL:
            found = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}
        else:
            found = {"kind": self.resource.kind, "apiVersion": self.resource.api_version, "metadata": metadata}
        return b'{"type":"BOOKMARK","object":%s}\n' % orjson.dumps(found)

    def _partial(self, stored: Stored) -> Object:
        metadata = stored.obj["metadata"]
        return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}

    def _table(self, items: Sequence[Stored], metadata: Object) -> Object:
        objects = [self._convert(item.obj) if self._convert else item.obj for item in items]
        return render(self._columns, objects, self.include, list_metadata=metadata)


def as_media(raw: bytes, wanted: Wanted) -> tuple[bytes, str]:
    """(body, content type) of a JSON answer."""
    if not wanted.yaml:
        return raw, JSON
    return yaml.safe_dump(orjson.loads(raw), sort_keys=True).encode(), YAML
