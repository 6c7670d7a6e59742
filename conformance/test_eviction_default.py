"""The eviction strategy that the KubeVirt object gives to VMs which have none of their own."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Evictions, KubeVirtConfig, Refused, VirtualMachines, check
from seatrial.fixtures.eviction import Answer

from .evacuation import MIGRATE, evictable, triggered

pytestmark = [pytest.mark.usefixtures("two_nodes"), pytest.mark.exclusive]


@pytest.mark.requirement("EVI-25")
@pytest.mark.parametrize("default", [MIGRATE, "None"])
def test_the_clusters_strategy_is_the_default(
    vms: VirtualMachines, kubevirt_config: KubeVirtConfig, evictions: Evictions, default: str
) -> None:
    """For a VM that has none of its own, and for no other."""
    _set_default(kubevirt_config, default)
    other = "None" if default == MIGRATE else MIGRATE
    without, own = vms.create(), evictable(vms, other)
    without.wait_migratable()
    for vm, strategy in ((without, default), (own, other)):
        expected = triggered(vm) if strategy == MIGRATE else Answer(201)
        check(f"the answer for a VM whose strategy is {strategy}", expected, evictions.of(vm))


def _set_default(config: KubeVirtConfig, strategy: str) -> None:
    try:
        config.change({"evictionStrategy": strategy})
    except Refused as refused:
        if refused.code != 403:
            raise
        pytest.skip(f"no right to change the KubeVirt object (deploy/rbac-disruptive.yaml gives it): {refused.message}")
