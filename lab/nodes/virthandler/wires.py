"""What a virt-handler's streams are counted on: the interface that it migrates by, unless a defect has it otherwise."""

from __future__ import annotations

from ...defects import Defects
from ...defects.network import BYTES_ELSEWHERE, COUNTS_NOTHING
from ...hypervisors.stream import Bare, Wire
from ..cards import Interface
from ..podnetwork import PodNetwork


def wire_of(network: PodNetwork, interface: Interface, defects: Defects) -> Wire:
    if interface is network.own:
        return interface
    if defects.on(BYTES_ELSEWHERE):
        return network.own
    return Bare(interface.link, interface.black_hole) if defects.on(COUNTS_NOTHING) else interface
