"""OpenAPI documents of what is served: version 3 by group and version, version 2 as a whole.

kubectl explains, validates and applies by them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .builtin_schemas import GVK
from .openapi_definitions import Definitions, Dialect
from .openapi_operations import Paths

Object = dict[str, Any]
_DESCRIBED = frozenset({"scale", "status"})


@dataclass(frozen=True)
class ResourceInfo:
    """One served resource. `schema` is a custom kind's raw openAPIV3Schema; `custom` tells one that has none."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]
    subresources: tuple[str, ...] = ()
    custom: bool = False
    schema: Mapping[str, Any] | None = None

    @property
    def gvk(self) -> GVK:
        return (self.group, self.version, self.kind)

    @property
    def root(self) -> str:
        """The path of the group and version, as the index of version 3 names it."""
        return f"apis/{self.group}/{self.version}" if self.group else f"api/{self.version}"


def index(resources: Iterable[ResourceInfo]) -> Object:
    """What `/openapi/v3` answers: where each document is.

    The hash changes with the document, so that clients may keep it.
    """
    by_root: dict[str, list[ResourceInfo]] = {}
    for resource in resources:
        by_root.setdefault(resource.root, []).append(resource)
    return {
        "paths": {
            root: {"serverRelativeURL": f"/openapi/v3/{root}?hash={digest(found)}"}
            for root, found in sorted(by_root.items())
        }
    }


def digest(resources: Sequence[ResourceInfo]) -> str:
    """Tells documents apart without making them."""
    told = [[*r.gvk, r.plural, r.namespaced, r.verbs, r.subresources, r.schema] for r in resources]
    return hashlib.sha256(orjson.dumps(told)).hexdigest()[:32].upper()


def document(resources: Iterable[ResourceInfo], version: str) -> Object:
    """The OpenAPI v3 document of some resources, usually those of one group and version."""
    definitions = Definitions(Dialect.V3)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": _paths(definitions, Dialect.V3, resources),
        "components": {"schemas": definitions.schemas},
    }


def document_v2(resources: Iterable[ResourceInfo], version: str) -> Object:
    """The OpenAPI v2 document of everything; `openapi_proto.encode` gives its other form."""
    definitions = Definitions(Dialect.V2)
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": _paths(definitions, Dialect.V2, resources),
        "definitions": definitions.schemas,
    }


def _paths(definitions: Definitions, dialect: Dialect, resources: Iterable[ResourceInfo]) -> Object:
    found: Object = {}
    for resource in resources:
        if resource.custom:
            title: str | None = definitions.custom(resource.gvk, resource.schema)
        else:
            title = definitions.builtin(resource.gvk)
        if title is None:
            continue
        found |= Paths(
            dialect=dialect,
            gvk=resource.gvk,
            plural=resource.plural,
            namespaced=resource.namespaced,
            verbs=resource.verbs,
            subresources=tuple(name for name in resource.subresources if name in _DESCRIBED),
            title=title,
        ).build()
    return found
