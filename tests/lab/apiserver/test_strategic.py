"""Strategic merge patches do to builtin kinds what kubectl expects of them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.patch import PatchError
from seatrial.lab.apiserver.strategic import apply_strategic_patch

POD = ("", "v1", "Pod")
DEPLOYMENT = ("apps", "v1", "Deployment")


def patched(spec: dict[str, Any], patch: dict[str, Any]) -> Any:
    return apply_strategic_patch({"spec": spec}, {"spec": patch}, POD)["spec"]


CONTAINERS: dict[str, Any] = {
    "containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b", "image": "1"}]
}


def test_containers_merge_by_name() -> None:
    patch = {"containers": [{"name": "b", "image": "2"}, {"name": "c", "image": "3"}]}
    assert [(c["name"], c["image"]) for c in patched(CONTAINERS, patch)["containers"]] == [
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
    ]


def test_nested_lists_merge_too() -> None:
    patch = {"containers": [{"name": "a", "env": [{"name": "Y", "value": "2"}]}]}
    assert [e["name"] for e in patched(CONTAINERS, patch)["containers"][0]["env"]] == ["X", "Y"]


def test_entry_is_deleted_by_directive() -> None:
    patch = {"containers": [{"name": "a", "$patch": "delete"}]}
    assert [c["name"] for c in patched(CONTAINERS, patch)["containers"]] == ["b"]


def test_list_and_map_are_replaced_by_directive() -> None:
    assert patched(CONTAINERS, {"containers": [{"$patch": "replace"}, {"name": "z"}]}) == {
        "containers": [{"name": "z"}]
    }
    assert patched({"securityContext": {"runAsUser": 1}}, {"securityContext": {"$patch": "replace", "fsGroup": 2}}) == {
        "securityContext": {"fsGroup": 2}
    }
    assert patched({"securityContext": {"runAsUser": 1}}, {"securityContext": {"$patch": "delete"}}) == {
        "securityContext": {}
    }


def test_order_is_set() -> None:
    patch = {
        "$setElementOrder/containers": [{"name": "c"}, {"name": "a"}],
        "containers": [{"name": "c", "image": "3"}],
    }
    assert [c["name"] for c in patched(CONTAINERS, patch)["containers"]] == ["c", "a", "b"]


def test_lists_without_a_key_are_replaced() -> None:
    assert patched({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "b"}]}) == {"tolerations": [{"key": "b"}]}


def test_finalizers_merge_as_a_set_and_leave_by_directive() -> None:
    obj = {"metadata": {"finalizers": ["a", "b"]}}
    added = apply_strategic_patch(obj, {"metadata": {"finalizers": ["b", "c"]}}, POD)
    assert added["metadata"]["finalizers"] == ["a", "b", "c"]
    removed = apply_strategic_patch(added, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}, POD)
    assert removed["metadata"]["finalizers"] == ["b", "c"]


def test_conditions_merge_by_type() -> None:
    obj = {"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "True"}]}}
    patch = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    conditions = apply_strategic_patch(obj, patch, POD)["status"]["conditions"]
    assert [(c["type"], c["status"]) for c in conditions] == [("Ready", "False"), ("Other", "True")]


def test_retained_keys_drop_the_other_choice() -> None:
    obj = {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}}
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert apply_strategic_patch(obj, patch, DEPLOYMENT) == {"spec": {"strategy": {"type": "Recreate"}}}


def test_null_removes_and_absent_parents_are_made() -> None:
    assert patched({"nodeName": "n"}, {"nodeName": None, "securityContext": {"runAsUser": 1, "fsGroup": None}}) == {
        "securityContext": {"runAsUser": 1}
    }


def test_nonsense_is_refused() -> None:
    with pytest.raises(PatchError, match="does not contain declared merge key: name"):
        patched(CONTAINERS, {"containers": [{"image": "x"}]})
    with pytest.raises(PatchError, match="Unknown patch type"):
        patched(CONTAINERS, {"$patch": "shuffle"})


NAMES = st.sampled_from("abcd")
LISTS = st.lists(st.fixed_dictionaries({"name": NAMES, "image": st.sampled_from("12")}), unique_by=lambda c: c["name"])


@given(LISTS, LISTS)
def test_patching_twice_is_patching_once(old: list[dict[str, str]], new: list[dict[str, str]]) -> None:
    spec, patch = {"containers": old}, {"containers": new}
    before = deepcopy((spec, patch))
    once = patched(spec, patch)
    assert patched(once, patch) == once
    assert {c["name"]: c["image"] for c in once["containers"]} == {c["name"]: c["image"] for c in [*old, *new]}
    assert (spec, patch) == before
