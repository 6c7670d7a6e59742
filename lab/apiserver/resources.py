"""What is served: one record for each resource of each version, and the registry that requests are looked up in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .schema import Schema
from .store import StorageKey

Object = dict[str, Any]
ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True)
class Scale:
    """Where a kind keeps what its `scale` subresource shows (dotted paths)."""

    spec_replicas: str = "spec.replicas"
    status_replicas: str = "status.replicas"
    selector: str = ""


@dataclass(frozen=True)
class CustomVersion:
    """What a CustomResourceDefinition says about one of its versions."""

    raw_schema: Mapping[str, Any] | None
    columns: tuple[Object, ...] = ()
    selectable: tuple[str, ...] = ()
    deprecation: str = ""

    @cached_property
    def schema(self) -> Schema | None:
        """The structural schema; parsed when it is first needed, since KubeVirt's are large."""
        return Schema.from_openapi(self.raw_schema) if self.raw_schema else None


@dataclass(frozen=True)
class Resource:
    """One resource in one version, as discovery lists it."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL_VERBS
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name to verbs."""
    storage: StorageKey = ("", "")
    storage_version: str = ""
    has_generation: bool = False
    scale: Scale | None = None
    custom: CustomVersion | None = None
    list_kind: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def has_status(self) -> bool:
        return "status" in self.subresources

    @property
    def list_name(self) -> str:
        return self.list_kind or f"{self.kind}List"

    @property
    def qualified(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


class Registry:
    """All resources that are served now. `changed` counts up whenever that changes."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources: dict[tuple[str, str, str], Resource] = {}
        self.changed = 0
        for resource in resources:
            self.add(resource)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._resources.values())

    def add(self, resource: Resource) -> None:
        self._resources[resource.group, resource.version, resource.plural] = resource
        self.changed += 1

    def remove(self, group: str, plural: str, versions: Iterable[str] | None = None) -> None:
        """Stop serving a resource, in all versions unless some are named."""
        for key in [key for key in self._resources if key[0] == group and key[2] == plural]:
            if versions is None or key[1] in versions:
                del self._resources[key]
        self.changed += 1

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._resources.get((group, version, plural))

    def stored(self, storage: StorageKey) -> Resource | None:
        """The resource that a collection's objects are stored as."""
        found = [r for r in self if r.storage == storage]
        return next(
            (r for r in found if r.version == r.storage_version and r.group == storage[0]), found[0] if found else None
        )

    def of_kind(self, group: str, version: str, kind: str) -> Resource | None:
        return next((r for r in self if (r.group, r.version, r.kind) == (group, version, kind)), None)

    def groups(self) -> dict[str, list[str]]:
        """Group to versions, the preferred first; the core group is the empty one."""
        found: dict[str, list[str]] = {}
        for resource in self:
            versions = found.setdefault(resource.group, [])
            if resource.version not in versions:
                versions.append(resource.version)
        return {group: sorted(versions, key=version_order) for group, versions in found.items()}

    def of_version(self, group: str, version: str) -> list[Resource]:
        return [r for r in self if r.group == group and r.version == version]


def version_order(version: str) -> tuple[int, int, int, str]:
    """Sorts stable before beta before alpha, and later before earlier, as Kubernetes prefers them."""
    text = version[1:] if version.startswith("v") else ""
    for rank, mark in ((1, "beta"), (2, "alpha")):
        major, found, minor = text.partition(mark)
        if found and major.isdigit():
            return (rank, -int(major), -int(minor or 0), version)
    return (0, -int(text), 0, version) if text.isdigit() else (3, 0, 0, version)
