"""Builtin kinds have the fields, and only the fields, that the installed client knows."""

from __future__ import annotations

import pytest

from seatrial.lab.apiserver.builtin_resources import builtin_resources
from seatrial.lab.apiserver.builtin_schemas import schema_for, validate
from seatrial.lab.apiserver.field_facts import LISTS, QUANTITY_FIELDS
from seatrial.lab.apiserver.schema import Object

POD = ("", "v1", "Pod")
KINDS = sorted({(r.group, r.version, r.kind) for r in builtin_resources()})


@pytest.mark.parametrize("gvk", KINDS)
def test_every_served_kind_has_a_schema(gvk: tuple[str, str, str]) -> None:
    schema = schema_for(gvk)
    assert schema is not None
    assert schema.go_type == gvk[2]


def test_unknown_kind_has_none() -> None:
    assert schema_for(("kubevirt.io", "v1", "VirtualMachine")) is None


def test_unknown_fields_are_found_at_any_depth_and_nulls_go() -> None:
    schema = schema_for(POD)
    assert schema is not None
    pod: Object = {
        "metadata": {"name": "p", "creationTimestamp": None, "labels": {"anything": "goes"}},
        "spec": {"foo": 1, "containers": [{"name": "c", "bar": {}, "env": [{"name": "A", "baz": 1}]}]},
    }
    pruned, unknown = schema.prune(pod)
    assert unknown == ["spec.foo", "spec.containers[0].bar", "spec.containers[0].env[0].baz"]
    assert pruned == {
        "metadata": {"name": "p", "labels": {"anything": "goes"}},
        "spec": {"containers": [{"name": "c", "env": [{"name": "A"}]}]},
    }


def test_missing_fields_are_required_outside_of_status() -> None:
    pod: Object = {"spec": {"containers": [{"image": "i"}]}, "status": {"containerStatuses": [{}]}}
    assert [str(error) for error in validate(POD, pod)] == ["spec.containers[0].name: Required value"]
    assert [str(error) for error in validate(POD, {"spec": {}})] == ["spec.containers: Required value"]


def test_two_ports_of_one_number_are_tolerated() -> None:
    ports = [{"containerPort": 8443, "protocol": "TCP", "name": name} for name in ("a", "b")]
    assert validate(POD, {"spec": {"containers": [{"name": "c", "ports": ports}]}}) == []


def test_lists_know_how_they_merge() -> None:
    schema = schema_for(POD)
    assert schema is not None
    containers = schema.properties["spec"].properties["containers"]
    assert (containers.patch_key, containers.list_type, containers.list_keys) == ("name", "map", ("name",))
    assert containers.items is not None
    assert containers.items.properties["ports"].list_keys == ("containerPort", "protocol")
    assert schema.properties["spec"].properties["tolerations"].list_type == "atomic"
    assert schema.properties["metadata"].properties["finalizers"].list_type == "set"


def test_recursive_kinds_do_not_recurse() -> None:
    crd = schema_for(("apiextensions.k8s.io", "v1", "CustomResourceDefinition"))
    assert crd is not None
    raw = {"type": "object", "properties": {"x": {"type": "object", "anything": 1}}}
    obj = {"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": raw}}]}}
    assert crd.prune(obj) == (obj, [])


def known_fields() -> set[tuple[str, str]]:
    """Every (struct, field) reachable from the served kinds."""
    found: set[tuple[str, str]] = set()
    todo = [schema_for(gvk) for gvk in KINDS]
    seen: set[str] = set()
    while todo:
        schema = todo.pop()
        if schema is None or (schema.go_type and schema.go_type in seen):
            continue
        if schema.go_type:
            seen.add(schema.go_type)
            found |= {(schema.go_type, name) for name in schema.properties}
        todo += [*schema.properties.values(), schema.items, schema.additional]
    return found


def test_facts_are_about_fields_that_exist() -> None:
    known = known_fields()
    stated = {(struct, name) for struct, lists in LISTS.items() for name in lists} | set(QUANTITY_FIELDS)
    structs = {struct for struct, _ in known}
    assert {fact for fact in stated if fact[0] in structs} <= known
    assert {struct for struct, _ in stated} <= structs
