"""Attaching pods to secondary networks: annotations read, addresses handed out, and what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.defects import Defects
from seatrial.lab.defects.network import NO_ADDRESS, OUT_OF_RANGE
from seatrial.lab.kube import Kube, Object
from seatrial.lab.network import NetworkError, Pool
from seatrial.lab.nodes.cards import cards
from seatrial.lab.nodes.multus import STATUS, AttachError, Multus, Selection, selections
from seatrial.lab.secondary import Range, Secondary

MACVLAN = {"type": "macvlan", "master": "eth1", "ipam": {"type": "whereabouts", "range": "10.1.1.0/24"}}


class Definitions:
    """Stands for the API: definitions by namespace and name, and the patches of pods."""

    def __init__(self, **configs: dict[str, Any]) -> None:
        self.configs = configs
        self.patches: list[Object] = []

    async def find(self, kind: object, name: str, namespace: str) -> Object | None:
        config = self.configs.get(name) if namespace == "kubevirt" else None
        return {"spec": {"config": json.dumps(config)}} if config else None

    async def patch(self, kind: object, name: str, patch: Object, namespace: str, style: str) -> Object:
        self.patches.append(patch)
        return {}


def multus(api: Definitions, *defects: str, second: bool = True) -> Multus:
    secondary = Secondary(Pool("127.99.8.0/21"))
    return Multus(cast(Kube, api), cards(second=second), secondary, Defects(frozenset(defects)))


def pod(networks: str) -> Object:
    annotations = {"k8s.v1.cni.cncf.io/networks": networks}
    return {"metadata": {"name": "h", "namespace": "kubevirt", "uid": "u", "annotations": annotations}}


def refusal(node: Multus, networks: str) -> str:
    with pytest.raises(AttachError) as raised:
        asyncio.run(node.attach(pod(networks), "127.99.16.1"))
    return str(raised.value)


def test_annotation_short_and_long() -> None:
    assert selections("net@migration0, other/b", "ns") == [
        Selection("ns", "net", "migration0"),
        Selection("other", "b", "net2"),
    ]
    assert selections('[{"name": "net", "interface": "eth9"}]', "ns") == [Selection("ns", "net", "eth9")]
    with pytest.raises(AttachError, match="failed to parse"):
        selections("[{}]", "ns")


def test_pod_gets_an_interface_on_the_second_card_and_says_so() -> None:
    api = Definitions(net=MACVLAN)
    (made,) = asyncio.run(multus(api).attach(pod("net@migration0"), "127.99.16.1"))
    assert (made.name, made.card.name, made.address, made.network) == (
        "migration0",
        "eth1",
        "10.1.1.1",
        "kubevirt/net",
    )
    own, other = json.loads(api.patches[0]["metadata"]["annotations"][STATUS])
    assert own["ips"] == ["127.99.16.1"]
    assert other["ips"] == ["10.1.1.1"]
    assert other["interface"] == "migration0"


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ("gone", "cannot find a network-attachment-definition (gone) in namespace (kubevirt)"),
        ("bridge", 'failed to find plugin "bridge"'),
        ("fixed", 'failed to find plugin "static"'),
        ("elsewhere", 'failed to lookup master "eth7": Link not found'),
    ],
)
def test_what_cannot_be_attached_is_said_in_the_plugins_words(networks: str, said: str) -> None:
    api = Definitions(
        bridge={"type": "bridge"},
        fixed={**MACVLAN, "ipam": {"type": "static"}},
        elsewhere={**MACVLAN, "master": "eth7"},
    )
    assert said in refusal(multus(api), networks)
    assert api.patches == []


def test_node_without_a_second_card() -> None:
    assert "Link not found" in refusal(multus(Definitions(net=MACVLAN), second=False), "net@migration0")


def test_a_range_that_is_full_refuses_and_what_is_released_is_given_again() -> None:
    small = {**MACVLAN, "ipam": {"type": "whereabouts", "range": "10.1.1.0/30"}}
    node = multus(Definitions(net=small))
    first = asyncio.run(node.attach(pod("net"), "a"))
    asyncio.run(node.attach(pod("net"), "b"))
    assert "Could not allocate IP in range: ip: 10.1.1.1 / - 10.1.1.2 / range: 10.1.1.0/30" in refusal(node, "net")
    node.detach(first)
    (again,) = asyncio.run(node.attach(pod("net"), "c"))
    assert again.address == "10.1.1.1"


def test_without_ipam_an_interface_has_no_address() -> None:
    api = Definitions(net={"type": "macvlan", "master": "eth1"})
    node = multus(api)
    (made,) = asyncio.run(node.attach(pod("net@migration0"), "a"))
    assert (made.name, made.address) == ("migration0", "")
    assert json.loads(api.patches[0]["metadata"]["annotations"][STATUS])[1]["ips"] == []
    node.detach([made])


def test_an_mtu_that_the_card_cannot_carry_is_taken_all_the_same() -> None:
    (made,) = asyncio.run(multus(Definitions(net={**MACVLAN, "mtu": 9000})).attach(pod("net"), "a"))
    assert (made.mtu, made.black_hole) == (9000, True)


@pytest.mark.parametrize(("defect", "address"), [(OUT_OF_RANGE, "10.1.2.1"), (NO_ADDRESS, "")])
def test_defects(defect: str, address: str) -> None:
    (made,) = asyncio.run(multus(Definitions(net=MACVLAN), defect).attach(pod("net"), "a"))
    assert made.address == address


def test_who_is_refused_one_network_keeps_none() -> None:
    small = {**MACVLAN, "ipam": {"type": "whereabouts", "range": "10.1.1.0/30", "range_end": "10.1.1.1"}}
    node = multus(Definitions(net=small))
    refusal(node, "net,gone")
    (made,) = asyncio.run(node.attach(pod("net"), "a"))
    assert made.address == "10.1.1.1"


def test_a_range_that_is_none_is_refused() -> None:
    with pytest.raises(NetworkError, match="invalid CIDR"):
        Range.of({"range": "10.1.1.0/99"})


@given(st.integers(min_value=24, max_value=30), st.integers(min_value=0, max_value=300))
def test_addresses_are_in_the_range_and_given_once(length: int, wanted: int) -> None:
    ipam = {"range": f"10.1.1.0/{length}", "exclude": ["10.1.1.2/32"]}
    secondary = Secondary(Pool("127.99.8.0/21"))
    room = list(Range.of(ipam))
    given_out = [secondary.take(ipam, "ns/n")[0] for _ in range(min(wanted, len(room)))]
    assert len(set(given_out)) == len(given_out)
    assert set(given_out) <= {str(address) for address in room}
    assert "10.1.1.2" not in given_out
