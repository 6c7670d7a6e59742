import pytest

from seatrial.lab.kube import Object
from seatrial.lab.labels import node_matches, selects

LABELS = {"app": "web", "size": "3"}


@pytest.mark.parametrize(
    ("expression", "matches"),
    [
        ({"key": "app", "operator": "In", "values": ["web", "db"]}, True),
        ({"key": "app", "operator": "NotIn", "values": ["web"]}, False),
        ({"key": "other", "operator": "NotIn", "values": ["web"]}, True),
        ({"key": "app", "operator": "Exists"}, True),
        ({"key": "other", "operator": "DoesNotExist"}, True),
        ({"key": "size", "operator": "Gt", "values": ["2"]}, True),
        ({"key": "app", "operator": "Lt", "values": ["2"]}, False),
    ],
)
def test_expressions_match(expression: Object, matches: bool) -> None:
    assert selects({"matchExpressions": [expression]}, LABELS) is matches


def test_an_empty_selector_matches_all_and_a_missing_one_nothing() -> None:
    assert selects({}, LABELS)
    assert not selects(None, LABELS)


def test_node_selector_terms_are_alternatives_and_may_name_the_node() -> None:
    node: Object = {"metadata": {"name": "n1", "labels": {"zone": "a"}}}
    by_name = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}
    other = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["b"]}]}
    assert node_matches([other, by_name], node)
    assert not node_matches([other], node)
    assert not node_matches([{}], node)
