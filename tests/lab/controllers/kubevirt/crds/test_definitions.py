"""The definitions as users meet them: columns, names, what they validate and prune, and what `explain` says."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from seatrial.lab.apiserver.schema import Schema
from seatrial.lab.controllers.kubevirt.crds import definitions
from seatrial.lab.kube import Object
from seatrial.lab.release import RELEASES, release_of

from ..objects_made import recorded

SCENARIOS = ("migrate-succeeded", "post-copy", "cancel-while-running", "rwx-volume", "not-migratable-rwo")
KINDS = {
    "VirtualMachine": ("vm", "vms"),
    "VirtualMachineInstance": ("vmi", "vmis"),
    "VirtualMachineInstanceMigration": ("vmim", "vmims"),
    "KubeVirt": ("kv", "kvs"),
    "MigrationPolicy": (),
}
SPEC: Object = {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}


def _definition(kind: str, version: str = "1.8") -> Object:
    return next(made for made in definitions(release_of(version)) if made["spec"]["names"]["kind"] == kind)


def _schema(kind: str, version: str = "1.8") -> Object:
    found: Object = _definition(kind, version)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def _columns(kind: str) -> list[str]:
    columns = _definition(kind)["spec"]["versions"][0]["additionalPrinterColumns"]
    return [column["name"] + ("*" if column.get("priority") else "") for column in columns]


@pytest.mark.parametrize("version", RELEASES)
def test_kinds_and_their_short_names(version: str) -> None:
    found = {made["spec"]["names"]["kind"]: made["spec"]["names"] for made in definitions(release_of(version))}
    assert {kind: tuple(names["shortNames"]) for kind, names in found.items()} == KINDS
    assert all(names["categories"] == ["all"] for names in found.values())


def test_columns() -> None:
    assert _columns("VirtualMachine") == ["Age", "Status", "Ready"]
    wide = ["Age", "Phase", "IP", "NodeName", "Ready", "Live-Migratable*", "Paused*"]
    assert _columns("VirtualMachineInstance") == wide
    assert _columns("VirtualMachineInstanceMigration") == ["Phase", "VMI"]


def test_only_vmis_have_no_status_subresource() -> None:
    lacking = [kind for kind in KINDS if "subresources" not in _definition(kind)["spec"]["versions"][0]]
    assert lacking == ["VirtualMachineInstance"]


def test_both_versions_are_served_and_one_is_stored() -> None:
    versions = _definition("VirtualMachine")["spec"]["versions"]
    assert [(version["name"], version["served"], version["storage"]) for version in versions] == [
        ("v1", True, True),
        ("v1alpha3", True, False),
    ]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_recorded_objects_are_valid_and_lose_nothing(scenario: str) -> None:
    schemas = {kind: Schema.from_openapi(_schema(kind)) for kind in KINDS}
    for seen in recorded(scenario):
        if seen.kind in schemas:
            schema = schemas[seen.kind]
            pruned, unknown = schema.prune(copy.deepcopy(seen.object))
            assert [*schema.validate(seen.object)] == []
            assert (pruned, list(unknown)) == (seen.object, [])


def _vm(**fields: Any) -> Object:
    spec = {"runStrategy": "Always", "template": {"spec": SPEC}, **fields}
    return {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "metadata": {"name": "vm"}, "spec": spec}


@pytest.mark.parametrize(
    ("vm", "path"),
    [
        (_vm(runStrategy=True), "spec.runStrategy"),
        (_vm(running="yes"), "spec.running"),
        (_vm(template={"spec": {}}), "spec.template.spec.domain"),
        (_vm(template={"spec": {"domain": {}}}), "spec.template.spec.domain.devices"),
        (_vm(template={"spec": {**SPEC, "networks": [{"pod": {}}]}}), "spec.template.spec.networks[0].name"),
        (_vm(template={"spec": {**SPEC, "tolerations": {}}}), "spec.template.spec.tolerations"),
    ],
)
def test_mistakes_are_found_where_they_are(vm: Object, path: str) -> None:
    errors = Schema.from_openapi(_schema("VirtualMachine")).validate(vm)
    assert [error.path for error in errors] == [path]


def test_misspelt_fields_are_told() -> None:
    spec = {**SPEC, "evictonStrategy": "LiveMigrate"}
    _, unknown = Schema.from_openapi(_schema("VirtualMachine")).prune(_vm(template={"spec": spec}))
    assert list(unknown) == ["spec.template.spec.evictonStrategy"]


def test_ports_may_be_numbers_or_names() -> None:
    probe = {"httpGet": {"port": 80}, "periodSeconds": 5}
    vm = _vm(template={"spec": {**SPEC, "readinessProbe": probe, "livenessProbe": {"tcpSocket": {"port": "http"}}}})
    assert [*Schema.from_openapi(_schema("VirtualMachine")).validate(vm)] == []


@pytest.mark.parametrize(("version", "known"), [("1.5", False), ("1.6", True), ("1.9", True)])
def test_fields_come_with_their_release(version: str, known: bool) -> None:
    spec = _schema("VirtualMachineInstanceMigration", version)["properties"]["spec"]
    assert ("addedNodeSelector" in spec["properties"]) is known


@pytest.mark.parametrize(("version", "known"), [("1.3", False), ("1.4", True), ("1.7", True), ("1.8", False)])
def test_fields_go_with_their_release(version: str, known: bool) -> None:
    status = _schema("VirtualMachineInstance", version)["properties"]["status"]
    assert ("deviceStatus" in status["properties"]) is known


def test_every_field_of_a_migrations_state_is_explained() -> None:
    state = _schema("VirtualMachineInstance")["properties"]["status"]["properties"]["migrationState"]
    assert [name for name, field in state["properties"].items() if "description" not in field] == []
