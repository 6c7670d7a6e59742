"""A node's network cards: how fast they are is said for the whole lab."""

from __future__ import annotations

from seatrial.lab.hypervisors.link import GIB
from seatrial.lab.nodes.cards import SECOND, WORKLOAD, cards
from seatrial.lab.pace import Pace


def test_all_cards_of_a_node_are_as_fast_as_the_labs_network() -> None:
    slow = Pace(network=20.0 * (1 << 20))
    assert {name: card.link.capacity for name, card in cards(slow.network).items()} == dict.fromkeys(
        (WORKLOAD, SECOND), 20.0 * (1 << 20)
    )
    assert cards(Pace().network)[WORKLOAD].link.capacity == GIB
