"""The CustomResourceDefinitions that the operator creates: names, versions, columns, subresources, schemas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ....kube import Object
from ....release import Release
from .notation import schema_of

Column = tuple[str, str, str, int]
"""Name, type, JSONPath, priority (above 0: wide only)."""
AGE: Column = ("Age", "date", ".metadata.creationTimestamp", 0)


def _condition(type: str) -> str:
    return f".status.conditions[?(@.type=='{type}')].status"


@dataclass(frozen=True)
class _Kind:
    """What distinguishes one definition from another."""

    group: str
    kind: str
    plural: str
    short_names: Sequence[str]
    columns: Sequence[Column]
    versions: Sequence[str] = ("v1", "v1alpha3")
    namespaced: bool = True
    has_status: bool = True
    categories: Sequence[str] = ("all",)


KINDS = (
    _Kind(
        "kubevirt.io",
        "VirtualMachine",
        "virtualmachines",
        ("vm", "vms"),
        (AGE, ("Status", "string", ".status.printableStatus", 0), ("Ready", "string", _condition("Ready"), 0)),
    ),
    _Kind(
        "kubevirt.io",
        "VirtualMachineInstance",
        "virtualmachineinstances",
        ("vmi", "vmis"),
        (
            AGE,
            ("Phase", "string", ".status.phase", 0),
            ("IP", "string", ".status.interfaces[0].ipAddress", 0),
            ("NodeName", "string", ".status.nodeName", 0),
            ("Ready", "string", _condition("Ready"), 0),
            ("Live-Migratable", "string", _condition("LiveMigratable"), 1),
            ("Paused", "string", _condition("Paused"), 1),
        ),
        has_status=False,
    ),
    _Kind(
        "kubevirt.io",
        "VirtualMachineInstanceMigration",
        "virtualmachineinstancemigrations",
        ("vmim", "vmims"),
        (("Phase", "string", ".status.phase", 0), ("VMI", "string", ".spec.vmiName", 0)),
    ),
    _Kind(
        "kubevirt.io",
        "KubeVirt",
        "kubevirts",
        ("kv", "kvs"),
        (AGE, ("Phase", "string", ".status.phase", 0)),
    ),
    _Kind(
        "migrations.kubevirt.io",
        "MigrationPolicy",
        "migrationpolicies",
        (),
        (),
        versions=("v1alpha1",),
        namespaced=False,
    ),
)


def definitions(release: Release) -> list[Object]:
    """All definitions of a release."""
    return [_definition(kind, release) for kind in KINDS]


def _definition(kind: _Kind, release: Release) -> Object:
    schema = schema_of(kind.kind, release)
    stored = kind.versions[0]
    versions = [_version(kind, name, schema, storage=name == stored) for name in kind.versions]
    names = {"plural": kind.plural, "singular": kind.kind.lower(), "kind": kind.kind, "listKind": f"{kind.kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}", "labels": {"kubevirt.io": ""}},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {**names, "shortNames": list(kind.short_names), "categories": list(kind.categories)},
            "conversion": {"strategy": "None"},
            "versions": versions,
        },
    }


def _version(kind: _Kind, name: str, schema: Object, *, storage: bool) -> Object:
    root = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    properties = {**schema["properties"], **root}
    version: Object = {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": {**schema, "properties": properties}},
        "additionalPrinterColumns": [_column(column) for column in kind.columns],
    }
    if kind.has_status:
        version["subresources"] = {"status": {}}
    return version


def _column(column: Column) -> Object:
    name, type, path, priority = column
    made: Object = {"name": name, "type": type, "jsonPath": path}
    return {**made, "priority": priority} if priority else made
