"""The interface that a virt-handler migrates by. Source: FindMigrationIP in pkg/util/net/ip at v1.8.4."""

from __future__ import annotations

import ipaddress

from ...defects import Defects
from ...defects.network import NOT_USED
from ..cards import Interface
from ..podnetwork import PodNetwork

MIGRATION = "migration0"
"""The name that virt-operator has the migration network's interface given."""


class NoMigrationAddress(Exception):
    """There is such an interface, and it cannot be used: virt-handler does not start."""


def migration_interface(network: PodNetwork, defects: Defects) -> Interface:
    """`migration0` if there is one, else the pod's own. Raises NoMigrationAddress."""
    found = network.interface(MIGRATION)
    if found is None or defects.on(NOT_USED):
        return network.own
    if not _is_global_unicast(found.address):
        raise NoMigrationAddress(f"no IP found on {MIGRATION}")
    return found


def _is_global_unicast(address: str) -> bool:
    """As Go has it: private addresses are, link-local ones are not."""
    if not address:
        return False
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_unspecified or parsed.is_loopback or parsed.is_multicast or parsed.is_link_local)
