"""Objects are pruned, defaulted and refused as an API server with the same schema does it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.refusals import strict_message
from seatrial.lab.apiserver.schema import Schema, status_invalid

RAW: dict[str, Any] = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "apiVersion": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 2, "maxLength": 5, "pattern": "^[a-z]+$"},
                "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
                "mode": {"type": "string", "enum": ["a", "b"]},
                "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                "share": {"type": "number"},
                "on": {"type": "boolean", "default": True},
                "note": {"type": "string", "nullable": True, "default": "x"},
                "since": {"type": "string", "format": "date-time"},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "nested": {"type": "object", "properties": {"deep": {"type": "integer", "default": 1}}},
                "items": {
                    "type": "array",
                    "maxItems": 2,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "x": {"type": "integer", "default": 7},
                        },
                    },
                },
                "free": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {
                        "known": {"type": "object"},
                    },
                },
                "embedded": {"type": "object", "x-kubernetes-embedded-resource": True},
                "either": {
                    "type": "object",
                    "properties": {"a": {}, "b": {}},
                    "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                },
                "some": {
                    "type": "object",
                    "properties": {"a": {}, "b": {}},
                    "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
                },
                "never": {"type": "integer", "not": {"enum": [13]}},
            },
        },
    },
}
SCHEMA = Schema.from_openapi(RAW)


def texts(**spec: Any) -> list[str]:
    return [str(error) for error in SCHEMA.validate({"spec": {"name": "abc", **spec}})]


def wrong(path: str, found: str, wanted: str) -> str:
    return f'{path}: Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"'


def composition(path: str, complaint: str) -> str:
    return f'{path}: Invalid value: "": "{path}" {complaint}'


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"count": "x"}, wrong("spec.count", "string", "integer")),
        ({"count": None}, wrong("spec.count", "null", "integer")),
        ({"count": 1.5}, wrong("spec.count", "number", "integer")),
        ({"count": 0}, "spec.count: Invalid value: 0: spec.count in body should be greater than or equal to 1"),
        ({"count": 10}, "spec.count: Invalid value: 10: spec.count in body should be less than or equal to 9"),
        ({"name": "a"}, 'spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long'),
        ({"name": "abcdef"}, "spec.name: Too long: may not be more than 5 bytes"),
        ({"name": "AB"}, "spec.name: Invalid value: \"AB\": spec.name in body should match '^[a-z]+$'"),
        ({"mode": "x"}, 'spec.mode: Unsupported value: "x": supported values: "a", "b"'),
        ({"port": True}, wrong("spec.port", "boolean", "integer,string")),
        ({"since": "soon"}, 'spec.since: Invalid value: "soon": spec.since in body must be of type date-time: "soon"'),
        ({"labels": {"k": 1}}, wrong("spec.labels.k", "integer", "string")),
        ({"items": [{"x": "y"}]}, wrong("spec.items[0].x", "string", "integer")),
        ({"items": [{"name": "a"}, {"name": "a"}]}, 'spec.items[1]: Duplicate value: {"name":"a"}'),
        ({"items": [{"name": c} for c in "abc"]}, "spec.items: Too many: 3: must have at most 2 items"),
        ({"embedded": {"kind": "X"}}, "spec.embedded.apiVersion: Required value: must not be empty"),
        ({"either": {}}, composition("spec.either", "must validate one and only one schema (oneOf). Found none valid")),
        ({"some": {}}, composition("spec.some", "must validate at least one schema (anyOf)")),
        ({"never": 13}, composition("spec.never", "must not validate the schema (not)")),
    ],
)
def test_complaints(spec: dict[str, Any], text: str) -> None:
    assert texts(**spec) == [text]


def test_what_fits_is_not_complained_about() -> None:
    assert (
        texts(
            count=2,
            port=80,
            share=1,
            on=False,
            note=None,
            since="2026-05-04T12:00:00Z",
            labels={"a": "b"},
            items=[{"name": "a"}, {"name": "b"}],
            free={"x": [1]},
            either={"a": 1},
            some={"a": 1, "b": 2},
            never=12,
        )
        == []
    )
    assert texts(port="http") == []


def test_missing_field() -> None:
    assert [str(error) for error in SCHEMA.validate({})] == ["spec: Required value"]
    assert [str(error) for error in SCHEMA.validate({"spec": {}})] == ["spec.name: Required value"]


def test_prune_drops_the_unknown_and_says_where_it_was() -> None:
    pruned, unknown = SCHEMA.prune(
        {
            "apiVersion": "v",
            "kind": "K",
            "metadata": {"any": 1},
            "extra": 1,
            "spec": {
                "name": "a",
                "foo": 1,
                "labels": {"k": "v"},
                "items": [{"name": "a", "y": 1}],
                "free": {"x": {"y": 1}, "known": {"z": 1}},
                "embedded": {"apiVersion": "v", "kind": "K", "metadata": {}, "spec": {}},
            },
        }
    )
    assert unknown == ["extra", "spec.foo", "spec.items[0].y", "spec.free.known.z", "spec.embedded.spec"]
    assert pruned["spec"] == {
        "name": "a",
        "labels": {"k": "v"},
        "items": [{"name": "a"}],
        "free": {"x": {"y": 1}, "known": {}},
        "embedded": {"apiVersion": "v", "kind": "K", "metadata": {}},
    }
    assert pruned["metadata"] == {"any": 1}


def test_default_fills_what_is_missing_where_its_parent_is() -> None:
    filled = SCHEMA.default({"spec": {"items": [{}], "count": None, "note": None}})
    assert filled["spec"] == {"items": [{"x": 7}], "count": 3, "note": None, "on": True}
    assert SCHEMA.default({"spec": {"nested": {}}})["spec"]["nested"] == {"deep": 1}
    assert SCHEMA.default({}) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["spec", "name", "items", "free", "x", "nested", "labels"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["spec", "metadata", "x"]), JSON))
def test_pruning_and_defaulting_settle_at_once_and_leave_the_argument_alone(obj: dict[str, Any]) -> None:
    before = deepcopy(obj)
    pruned, _ = SCHEMA.prune(obj)
    assert SCHEMA.prune(pruned) == (pruned, [])
    filled = SCHEMA.default(pruned)
    assert SCHEMA.default(filled) == filled
    SCHEMA.validate(filled)
    assert obj == before


def test_status_lists_every_cause() -> None:
    errors = SCHEMA.validate({"spec": {"count": "x"}})
    status = status_invalid("kubevirt.io", "VirtualMachine", "vm", errors)
    assert status["code"] == 422
    assert status["message"].startswith(
        'VirtualMachine.kubevirt.io "vm" is invalid: [spec.name: Required value, spec.count: '
    )
    assert status["details"]["causes"][0] == {
        "reason": "FieldValueRequired",
        "message": "Required value",
        "field": "spec.name",
    }
    assert status_invalid("", "Pod", "p", errors[:1])["message"] == 'Pod "p" is invalid: spec.name: Required value'


def test_strict_text_names_every_field() -> None:
    assert strict_message("Pod", "v1", ["spec.a", "spec.b"]) == (
        'Pod in version "v1" cannot be handled as a Pod: '
        'strict decoding error: unknown field "spec.a", unknown field "spec.b"'
    )
