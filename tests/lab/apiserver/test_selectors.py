"""Selectors mean what kubectl's users mean by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.selectors import (
    EVERYTHING,
    SelectorError,
    check_fields,
    from_label_selector,
    from_labels,
    parse_fields,
    parse_labels,
)

LABELS = {"app": "web", "tier": "front", "example.com/size": "10"}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web , tier=front", True),
        ("app=db", False),
        ("app!=db", True),
        ("absent!=x", True),
        ("app in (web, db)", True),
        ("app in (db)", False),
        ("app notin (db,cache),tier", True),
        ("absent notin (x)", True),
        ("app", True),
        ("absent", False),
        ("!absent", True),
        ("!app", False),
        ("example.com/size>9", True),
        ("example.com/size<9", False),
        ("app>1", False),
        ("empty=", False),
    ],
)
def test_label_selector_text(text: str, selected: bool) -> None:
    assert parse_labels(text).matches(LABELS) is selected


@pytest.mark.parametrize("text", ["a b", "a in b", "=x", "a=b=c", "a=-x", "a,,b", "-a=b", "a in (b", "a=" + "x" * 64])
def test_malformed_label_selector_is_refused(text: str) -> None:
    with pytest.raises(SelectorError, match="unable to parse requirement"):
        parse_labels(text)


NAMES = st.from_regex(r"[a-z]([a-z0-9]{0,5}[a-z])?", fullmatch=True)


@given(st.dictionaries(NAMES, NAMES), NAMES, st.sets(NAMES, min_size=1))
def test_every_operator_and_its_negation_disagree(labels: dict[str, str], key: str, values: set[str]) -> None:
    among = ",".join(sorted(values))
    for positive, negative in [(f"{key} in ({among})", f"{key} notin ({among})"), (key, f"!{key}")]:
        assert parse_labels(positive).matches(labels) is not parse_labels(negative).matches(labels)


def test_label_selector_object() -> None:
    selector = from_label_selector(
        {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}]}
    )
    assert selector.matches(LABELS)
    assert not selector.matches({"app": "web"})


def test_null_selects_nothing_and_empty_selects_everything() -> None:
    assert not from_label_selector(None).matches({})
    assert from_label_selector({}).matches({})
    assert not from_labels(None).matches(LABELS)
    assert EVERYTHING.matches(None)


def test_expression_without_values_is_refused() -> None:
    with pytest.raises(SelectorError, match="can't be empty"):
        from_label_selector({"matchExpressions": [{"key": "a", "operator": "In"}]})
    with pytest.raises(SelectorError, match="not a valid label selector operator"):
        from_label_selector({"matchExpressions": [{"key": "a", "operator": "Like"}]})


POD = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"nodeName": "a,b"}, "status": {"phase": "Running"}}


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("", True),
        ("metadata.name=p", True),
        ("metadata.name==p,status.phase!=Failed", True),
        ("status.phase=Failed", False),
        (r"spec.nodeName=a\,b", True),
        ("spec.schedulerName=", True),
        ("spec.unschedulable=false", True),
    ],
)
def test_field_selector(text: str, selected: bool) -> None:
    assert parse_fields(text).matches(POD) is selected


def test_unselectable_fields_are_refused() -> None:
    check_fields(parse_fields("spec.nodeName=x"), "", "pods")
    check_fields(parse_fields("spec.color=x"), "example.com", "things", ["spec.color"])
    with pytest.raises(SelectorError, match=r"field label not supported: spec\.foo"):
        check_fields(parse_fields("spec.foo=x"), "", "pods")
    with pytest.raises(SelectorError, match="is not a known field selector"):
        check_fields(parse_fields("spec.foo=x"), "example.com", "things")
    with pytest.raises(SelectorError, match="can't understand"):
        parse_fields("metadata.name")
