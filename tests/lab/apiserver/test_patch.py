"""JSON and merge patches do what the RFCs say, and what KubeVirt's controllers rely on beyond them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.patch import PatchError, apply_json_patch, apply_merge_patch, equal

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/", max_size=2), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text("abc", max_size=2), JSON, max_size=3)
DOCUMENT: dict[str, Any] = {"a": {"b": 1, "list": [1, 2, 3]}, "x/y~z": "odd"}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/a/c", "value": 2}, {"b": 1, "list": [1, 2, 3], "c": 2}),
        ({"op": "add", "path": "/a/list/1", "value": 9}, {"b": 1, "list": [1, 9, 2, 3]}),
        ({"op": "add", "path": "/a/list/-", "value": 9}, {"b": 1, "list": [1, 2, 3, 9]}),
        ({"op": "add", "path": "/a/list/3", "value": 9}, {"b": 1, "list": [1, 2, 3, 9]}),
        ({"op": "remove", "path": "/a/list/-1"}, {"b": 1, "list": [1, 2]}),
        ({"op": "remove", "path": "/a/b"}, {"list": [1, 2, 3]}),
        ({"op": "replace", "path": "/a/list/0", "value": [7]}, {"b": 1, "list": [[7], 2, 3]}),
        ({"op": "replace", "path": "/a/absent", "value": 5}, {"b": 1, "list": [1, 2, 3], "absent": 5}),
        ({"op": "move", "from": "/a/b", "path": "/a/c"}, {"list": [1, 2, 3], "c": 1}),
        ({"op": "copy", "from": "/a/list/0", "path": "/a/c"}, {"b": 1, "list": [1, 2, 3], "c": 1}),
        ({"op": "test", "path": "/a/absent", "value": None}, DOCUMENT["a"]),
        ({"op": "test", "path": "/a/absent"}, DOCUMENT["a"]),
        ({"op": "test", "path": "/a/list", "value": [1, 2, 3]}, DOCUMENT["a"]),
        ({"op": "test", "path": "/x~1y~0z", "value": "odd"}, DOCUMENT["a"]),
    ],
)
def test_json_patch_operation(operation: dict[str, Any], expected: Any) -> None:
    assert apply_json_patch(DOCUMENT, [operation])["a"] == expected


@pytest.mark.parametrize(
    ("operation", "message", "code"),
    [
        ({"op": "test", "path": "/a/b", "value": 2}, "testing value /a/b failed", 422),
        ({"op": "test", "path": "/a/b", "value": True}, "testing value /a/b failed", 422),
        ({"op": "test", "path": "/a/absent", "value": 0}, "testing value /a/absent failed", 422),
        ({"op": "test", "path": "/absent/b", "value": None}, "doc is missing path", 422),
        ({"op": "remove", "path": "/a/absent"}, "Unable to remove nonexistent key: absent", 422),
        ({"op": "remove", "path": "/a/list/3"}, "invalid index referenced", 422),
        ({"op": "add", "path": "/absent/b", "value": 1}, 'doc is missing path: "/absent/b"', 422),
        ({"op": "add", "path": "/a/list/5", "value": 1}, "invalid index referenced", 422),
        ({"op": "add", "path": "/a/list/one", "value": 1}, "is no index", 422),
        ({"op": "replace", "path": "/a/b/c", "value": 1}, "doc is missing path", 422),
        ({"op": "replace", "path": "", "value": 1}, "not an object", 422),
        ({"op": "shuffle", "path": "/a"}, "Unexpected kind: shuffle", 400),
        ({"op": "add", "value": 1}, "does not have a path", 400),
        ({"op": "copy", "path": "/a"}, "does not have a from", 400),
        ({"op": "add", "path": "a", "value": 1}, "must start with /", 400),
    ],
)
def test_json_patch_refusal(operation: dict[str, Any], message: str, code: int) -> None:
    with pytest.raises(PatchError) as refused:
        apply_json_patch(DOCUMENT, [operation])
    assert message in refused.value.message
    assert refused.value.code == code


def test_a_patch_that_is_no_list_is_malformed() -> None:
    with pytest.raises(PatchError, match="cannot unmarshal"):
        apply_json_patch(DOCUMENT, {"op": "add"})  # type: ignore[arg-type]


def test_optimistic_locking_as_the_controllers_do_it() -> None:
    vmi = {"status": {"phase": "Running"}}
    first: list[dict[str, Any]] = [
        {"op": "test", "path": "/status/migrationState", "value": None},
        {"op": "replace", "path": "/status/migrationState", "value": {"migrationUid": "u"}},
    ]
    patched = apply_json_patch(vmi, first)
    assert patched["status"]["migrationState"] == {"migrationUid": "u"}
    with pytest.raises(PatchError):
        apply_json_patch(patched, first)


@given(OBJECTS, OBJECTS)
def test_replacing_the_root_gives_the_value_and_leaves_the_argument_alone(old: dict[str, Any], new: Any) -> None:
    before = deepcopy(old)
    assert equal(apply_json_patch(old, [{"op": "replace", "path": "", "value": new}]), new)
    assert equal(old, before)


@given(OBJECTS, OBJECTS)
def test_merge_patch_is_idempotent_and_pure(obj: dict[str, Any], patch: dict[str, Any]) -> None:
    before = deepcopy(obj)
    once = apply_merge_patch(obj, patch)
    assert equal(apply_merge_patch(once, patch), once)
    assert equal(obj, before)


def test_merge_patch_merges_maps_replaces_lists_and_removes_nulls() -> None:
    obj = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert apply_merge_patch(obj, {"a": {"b": None, "c": [3]}, "e": {"f": None}}) == {"a": {"c": [3]}, "d": 1, "e": {}}


def test_json_equality_tells_true_from_one() -> None:
    assert not equal({"a": [True]}, {"a": [1]})
    assert equal({"a": [1, None]}, {"a": [1.0, None]})
