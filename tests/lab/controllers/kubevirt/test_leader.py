"""Who of several virt-controllers works."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from seatrial.lab.clock import micro_timestamp
from seatrial.lab.controllers.kubevirt.leader import Leadership
from seatrial.lab.kinds import LEASE
from seatrial.lab.kube import Kube, Object
from tests.lab.memoryapi import MemoryApi


def lease(holder: str, age: float) -> Object:
    renewed = micro_timestamp(datetime.now(UTC) - timedelta(seconds=age))
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "acquireTime": renewed, "renewTime": renewed}
    return {"metadata": {"name": "virt-controller", "namespace": "kubevirt"}, "spec": {**spec, "leaseTransitions": 3}}


def spec_while_held(existing: Object | None) -> tuple[Object, Object]:
    """(the Lease while we lead, the Lease afterwards). Fails when we do not get to lead at once."""

    async def run() -> tuple[Object, Object]:
        api = MemoryApi()
        if existing:
            await api.create(LEASE, existing)
        leadership = Leadership(cast(Kube, api), "kubevirt", "virt-controller", "me")
        async with asyncio.timeout(0.5), leadership.held():
            during = (await api.get(LEASE, "virt-controller", "kubevirt"))["spec"]
        return during, (await api.get(LEASE, "virt-controller", "kubevirt"))["spec"]

    return asyncio.run(run())


def test_the_first_one_leads_and_leaves_the_lease_to_expire() -> None:
    during, after = spec_while_held(None)
    assert during["holderIdentity"] == "me"
    assert after == during


@pytest.mark.parametrize("existing", [lease("gone", 16), lease("", 1), lease("me", 1)])
def test_a_lease_that_is_free_expired_or_ours_is_taken(existing: Object) -> None:
    during, _ = spec_while_held(existing)
    assert during["holderIdentity"] == "me"
    assert during["leaseTransitions"] == 3 + (existing["spec"]["holderIdentity"] != "me")


def test_a_lease_that_somebody_renews_is_left_to_them() -> None:
    with pytest.raises(TimeoutError):
        spec_while_held(lease("other", 1))
