"""Which connections between pods NetworkPolicies let through."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.kube import Object
from seatrial.lab.nodes.networkpolicies import End, allows

ROLE = "kubernetes.io/metadata.name"


def end(name: str, namespace: str = "kubevirt", address: str = "127.64.16.9") -> End:
    ports = [{"name": "web", "containerPort": 8080}]
    metadata = {"name": name, "namespace": namespace, "labels": {"app": name}}
    return End(address, {"metadata": metadata, "spec": {"containers": [{"ports": ports}]}}, {ROLE: namespace})


def policy(**spec: Any) -> Object:
    return {"metadata": {"name": "p", "namespace": "kubevirt"}, "spec": {"podSelector": {}, **spec}}


HANDLER, BOX = end("handler"), end("box", "demo", "127.64.24.7")


def passes(*policies: Object, source: End = BOX, target: End = HANDLER, port: int = 49152) -> bool:
    return allows(policies, source, target, port)


def test_without_a_policy_all_may_pass() -> None:
    assert passes()


def test_pods_that_no_policy_selects_are_open() -> None:
    assert passes(policy(podSelector={"matchLabels": {"app": "other"}}))
    assert passes(policy(), target=end("handler", "elsewhere"))


def test_who_is_selected_lets_in_nobody_who_is_not_named() -> None:
    assert not passes(policy())
    assert not passes(policy(ingress=[]))
    assert passes(policy(ingress=[{}]))


def test_policies_add_up() -> None:
    assert passes(policy(), policy(ingress=[{"ports": [{"port": 49152}]}]))


@pytest.mark.parametrize(
    ("peer", "holds"),
    [
        ({"podSelector": {}}, False),
        ({"namespaceSelector": {}}, True),
        ({"namespaceSelector": {"matchLabels": {ROLE: "demo"}}}, True),
        ({"namespaceSelector": {"matchLabels": {ROLE: "other"}}}, False),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "box"}}}, True),
        ({"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "bottle"}}}, False),
        ({"ipBlock": {"cidr": "127.64.0.0/16"}}, True),
        ({"ipBlock": {"cidr": "127.64.0.0/16", "except": ["127.64.24.0/21"]}}, False),
    ],
)
def test_peers(peer: Object, holds: bool) -> None:
    assert passes(policy(ingress=[{"from": [peer]}])) is holds


@pytest.mark.parametrize(
    ("ports", "port", "holds"),
    [
        ([{"port": 8080}], 8080, True),
        ([{"port": 8080}], 8081, False),
        ([{"port": 8080, "endPort": 8090}], 8085, True),
        ([{"port": "web"}], 8080, True),
        ([{"port": "web"}], 8081, False),
        ([{"port": 8080, "protocol": "UDP"}], 8080, False),
        ([{"protocol": "TCP"}], 5, True),
    ],
)
def test_ports(ports: list[Object], port: int, holds: bool) -> None:
    assert passes(policy(ingress=[{"ports": ports}]), port=port) is holds


def test_egress_is_the_callers() -> None:
    closed = policy(policyTypes=["Egress"])
    assert passes(closed)
    assert not passes(closed, source=HANDLER, target=BOX)
    opened = policy(egress=[{"to": [{"namespaceSelector": {}}]}], policyTypes=["Egress"])
    assert passes(opened, source=HANDLER, target=BOX)


def test_an_address_that_is_no_pods_is_known_by_its_block_only() -> None:
    outside = End("127.64.1.3", None, {})
    assert not passes(policy(ingress=[{"from": [{"namespaceSelector": {}}]}]), source=outside)
    assert passes(policy(ingress=[{"from": [{"ipBlock": {"cidr": "127.64.1.0/24"}}]}]), source=outside)
