"""Bodies of the wrong type are refused in the words of Go's decoder."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.apiserver.decoding import decode_error

POD = ("", "v1", "Pod")
PREFIX = 'Pod in version "v1" cannot be handled as a Pod: '


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        (
            {"terminationGracePeriodSeconds": "x"},
            "json: cannot unmarshal string into Go struct field "
            "PodSpec.spec.terminationGracePeriodSeconds of type int64",
        ),
        (
            {"containers": [{"name": "c", "env": [{"name": "A", "value": 1}]}]},
            "json: cannot unmarshal number into Go struct field EnvVar.spec.containers.env.value of type string",
        ),
        (
            {"containers": {}},
            "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            {"nodeSelector": {"a": True}},
            "json: cannot unmarshal bool into Go struct field PodSpec.spec.nodeSelector of type string",
        ),
        (
            {"containers": [{"resources": {"limits": {"cpu": "lots"}}}]},
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ],
)
def test_first_wrong_value_is_named(spec: dict[str, Any], cause: str) -> None:
    assert decode_error(POD, {"spec": spec}) == PREFIX + cause


def test_what_go_reads_is_read() -> None:
    limits = {"cpu": 1, "memory": "1Gi"}
    probe = {"httpGet": {"port": "http"}, "periodSeconds": None}
    container = {"name": "c", "resources": {"limits": limits}, "livenessProbe": probe}
    pod = {"metadata": {"creationTimestamp": "2026-05-04T12:00:00Z"}, "spec": {"containers": [container], "foo": 1}}
    assert decode_error(POD, pod) is None


def test_secrets_are_base64_and_times_are_times() -> None:
    assert "illegal base64" in str(decode_error(("", "v1", "Secret"), {"data": {"a": "*"}}))
    assert decode_error(("", "v1", "Secret"), {"data": {"a": "YQ=="}}) is None
    assert "parsing time" in str(decode_error(POD, {"metadata": {"creationTimestamp": "soon"}}))


def test_custom_kinds_are_not_judged_here() -> None:
    assert decode_error(("kubevirt.io", "v1", "VirtualMachine"), {"spec": 1}) is None
