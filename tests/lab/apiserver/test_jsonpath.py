"""The paths of printer columns lead where they point, and nowhere quietly."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.apiserver.jsonpath import JsonPathError, find

VMI: dict[str, Any] = {
    "metadata": {"annotations": {"kubevirt.io/odd.key": "v"}},
    "status": {
        "interfaces": [{"ipAddress": "10.0.0.1"}, {"ipAddress": "10.0.0.2"}],
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Paused", "status": "False"}],
    },
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".status.interfaces[0].ipAddress", ["10.0.0.1"]),
        ("{.status.interfaces[-1].ipAddress}", ["10.0.0.2"]),
        ("$.status.interfaces[*].ipAddress", ["10.0.0.1", "10.0.0.2"]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Paused')].status", ["False"]),
        (".status.conditions[?(@.type!='Paused')].type", ["Ready"]),
        (r".metadata.annotations.kubevirt\.io/odd\.key", ["v"]),
        (".metadata.annotations['kubevirt.io/odd.key']", ["v"]),
        (".status.interfaces[7].ipAddress", []),
        (".status.absent.deep", []),
        (".status.conditions.type", []),
    ],
)
def test_find(path: str, values: list[Any]) -> None:
    assert find(path, VMI) == values


@pytest.mark.parametrize("path", ["status", ".a..b", ".a[", ".a[?(@.b>1)]"])
def test_unsupported_path_is_refused(path: str) -> None:
    with pytest.raises(JsonPathError, match="unsupported JSONPath"):
        find(path, {})
