"""Sets of fields behave as sets, in the form the API stores them in."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.builtin_schemas import schema_for
from seatrial.lab.apiserver.fieldsets import discard, fields_of, is_member, members, of_paths, shown

PATHS = st.sets(st.lists(st.sampled_from(["f:a", "f:b", 'k:{"n":1}']), min_size=1, max_size=4).map(tuple))


@given(PATHS, PATHS)
def test_inserted_is_in_and_discarded_is_out(some: set[tuple[str, ...]], others: set[tuple[str, ...]]) -> None:
    fields = of_paths(some | others)
    assert set(members(fields)) == some | others
    for path in others:
        assert discard(fields, path)
    assert set(members(fields)) == some - others
    assert fields == of_paths(some - others)
    assert not any(discard(fields, path) for path in others)


@given(PATHS, st.lists(st.sampled_from(["f:a", "f:b"]), min_size=1, max_size=3).map(tuple))
def test_a_subtree_goes_as_a_whole(some: set[tuple[str, ...]], root: tuple[str, ...]) -> None:
    fields = of_paths(some)
    discard(fields, root, subtree=True)
    assert set(members(fields)) == {path for path in some if path[: len(root)] != root}


def test_members_with_and_without_children() -> None:
    fields = of_paths([("f:a",), ("f:a", "f:b")])
    assert fields == {"f:a": {".": {}, "f:b": {}}}
    assert is_member(fields, ("f:a",))
    assert not is_member(of_paths([("f:a", "f:b")]), ("f:a",))


def test_fields_of_a_pod() -> None:
    pod = {
        "metadata": {"finalizers": ["x"], "labels": {"app": "web"}},
        "spec": {
            "containers": [{"name": "c", "args": ["a"], "ports": [{"containerPort": 80}]}],
            "tolerations": [{"key": "k"}],
            "nodeSelector": {"a": "b"},
            "securityContext": {},
        },
    }
    schema = schema_for(("", "v1", "Pod"))
    assert schema is not None
    container = 'k:{"name":"c"}'
    port = 'k:{"containerPort":80,"protocol":"TCP"}'
    spec: dict[str, Any] = {
        "f:containers": {
            container: {
                ".": {},
                "f:name": {},
                "f:args": {},
                "f:ports": {port: {".": {}, "f:containerPort": {}}},
            }
        },
        "f:tolerations": {},
        "f:nodeSelector": {},
        "f:securityContext": {},
    }
    metadata: dict[str, Any] = {"f:finalizers": {'v:"x"': {}}, "f:labels": {"f:app": {}}}
    assert of_paths(fields_of(schema, pod)) == {"f:metadata": metadata, "f:spec": spec}


def test_paths_read_as_conflicts_show_them() -> None:
    path = ("f:spec", "f:containers", 'k:{"name":"a"}', "f:image")
    assert shown(path) == '.spec.containers[name="a"].image'
    assert shown(("f:metadata", "f:finalizers", 'v:"x"')) == '.metadata.finalizers[="x"]'
