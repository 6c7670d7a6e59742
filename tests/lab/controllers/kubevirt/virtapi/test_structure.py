"""Objects of the wrong shape, which webhooks meet before the API server has validated them."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.virtapi.structure import BAD_QUANTITY, BAD_SUFFIX, check_structure
from seatrial.lab.kube import Object
from seatrial.lab.release import release_of

from .reviews import refused

DOMAIN: Object = {"devices": {}}
TEMPLATE = "spec.template.spec"


def _vm(template: Any, **spec: Any) -> Object:
    return {"kind": "VirtualMachine", "metadata": {"name": "vm"}, "spec": {"template": template, **spec}}


def _refusal(obj: Object) -> tuple[int, str]:
    denied = refused(lambda: check_structure(obj, release_of("1.8")))
    return denied.code, denied.message


def _guest(**domain: Any) -> Object:
    return _vm({"spec": {"domain": {**DOMAIN, **domain}}})


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ({"kind": "VirtualMachine", "metadata": {}}, "spec in body is required"),
        ({"kind": "VirtualMachine", "spec": "x"}, 'spec in body must be of type object: "string"'),
        ({"kind": "VirtualMachine", "spec": {}}, "spec.template in body is required"),
        (_vm(None), 'spec.template in body must be of type object: "null"'),
        (_vm({"spec": {}}), f"{TEMPLATE}.domain in body is required"),
        (_vm({"spec": {"domain": {}}}), f"{TEMPLATE}.domain.devices in body is required"),
        (_guest(devices={"disks": {}}), f'{TEMPLATE}.domain.devices.disks in body must be of type array: "object"'),
        (_guest(devices={"disks": [{}]}), f"{TEMPLATE}.domain.devices.disks.0.name in body is required"),
        (_guest(devices={"disks": None}), f'{TEMPLATE}.domain.devices.disks in body must be of type array: "null"'),
        (_guest(cpu={"cores": True}), f'{TEMPLATE}.domain.cpu.cores in body must be of type integer: "boolean"'),
    ],
)
def test_wrong_shapes(obj: Object, message: str) -> None:
    assert _refusal(obj) == (422, message)


@pytest.mark.parametrize(
    ("memory", "message"), [("lots", BAD_QUANTITY), ("1 GB", BAD_QUANTITY), ("1MB", BAD_QUANTITY), ("1mi", BAD_SUFFIX)]
)
def test_wrong_quantities(memory: str, message: str) -> None:
    assert _refusal(_guest(memory={"guest": memory})) == (400, message)
    assert _refusal(_guest(resources={"limits": {"memory": memory}})) == (400, message)


@pytest.mark.parametrize("memory", ["64Mi", "1G", "1e9", 134217728, "0.5Gi", "100m"])
def test_quantities(memory: Any) -> None:
    check_structure(_guest(memory={"guest": memory}), release_of("1.8"))


def test_template_may_be_without_a_spec() -> None:
    check_structure(_vm({}), release_of("1.8"))


@pytest.mark.parametrize(("value", "kind"), [(1, "number"), (True, "bool"), ([], "array")])
def test_labels_of_a_template_are_texts(value: Any, kind: str) -> None:
    template = {"metadata": {"labels": {"a": value}}, "spec": {"domain": DOMAIN}}
    place = "ObjectMeta.spec.template.metadata.labels"
    assert _refusal(_vm(template)) == (
        400,
        f"json: cannot unmarshal {kind} into Go struct field {place} of type string",
    )
