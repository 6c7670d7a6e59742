"""What has become of a guest, told from the objects and by asking it; harm is named by its name, and at once."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from seatrial.chaos.ends import End, Victim, Wait
from seatrial.chaos.table import Fate
from seatrial.fixtures import Finding, GuestState, History, Stage
from seatrial.fixtures.cluster import Cluster
from seatrial.fixtures.kinds import POD as POD_KIND
from seatrial.fixtures.kinds import Object
from tests.fixtures.fakes import pod, vmi, vmim
from tests.fixtures.test_witness import POD, VMI, VMIM, Guests, launcher, living

UID, SOURCE, TARGET = "vmi-1", "one", "two"
STATE: Object = {"migrationUid": "m-1", "startTimestamp": "2026-01-01T00:00:00Z", "targetNode": TARGET}
FAILED: Object = {**STATE, "failed": True, "completed": True, "endTimestamp": "2026-01-01T00:00:09Z"}
READY: Object = {"type": "Ready", "status": "True"}


def ended(fate: Fate, api: Guests, *told: tuple[str, Object], asked_for: bool = False, mortal: float = 60.0) -> End:
    """What is waited for when a cluster has told this of a migration of a guest with boot id `boot`."""
    history = History(scale=0.001)
    history.add("ADDED", VMI, vmi(nodeName=SOURCE, migrationState=STATE))
    history.add("ADDED", VMIM, vmim(phase="Running"))
    for name, node in (("old", SOURCE), ("new", TARGET)):
        history.add("ADDED", POD, launcher(name, node))
        api.put(POD_KIND, {**launcher(name, node), "metadata": {**pod(name)["metadata"], "namespace": "ns"}})
    history.note("fault", "qemu-killed: QEMU in pod elsewhere, 0.1 ms after Running was seen")
    for kind, obj in told:
        history.add("MODIFIED", kind, obj)
    migration = SimpleNamespace(uid="m-1", name="m", phase="Running")
    before = cast(GuestState, SimpleNamespace(boot_id="boot", heartbeat=0))
    victim = Victim(cast(Any, SimpleNamespace(name="vm")), UID, SOURCE, before, cast(Any, migration))
    wait = Wait(victim, fate, Stage(Cluster(api), "ns", {}, history, {}), asked_for)
    wait.mortal, wait.limit = mortal, 0.5
    return wait.until_settled()


def on(node: str, phase: str = "Running", uid: str = UID, **state: Any) -> tuple[str, Object]:
    return VMI, vmi(uid=uid, phase=phase, nodeName=node, conditions=[READY], migrationState={**STATE, **state})


OVER = (VMIM, vmim(phase="Failed"))
SUCCEEDED = (VMIM, vmim(phase="Succeeded"))
ARRIVED = on(TARGET, endTimestamp="now", completed=True)


@pytest.mark.parametrize("fate", [Fate.SURVIVES, Fate.STAYS, Fate.RESTARTS, Fate.SETTLES])
def test_the_same_guest_at_either_end(fate: Fate) -> None:
    assert ended(fate, Guests(old=living()), OVER) is End.STAYED
    assert ended(fate, Guests(new=living()), ARRIVED, SUCCEEDED) is End.ARRIVED


def test_a_guest_that_was_to_end_and_lives_has_not_been_hit_yet() -> None:
    with pytest.raises(Finding, match="the guest's fate, within"):
        ended(Fate.RESTARTS, Guests(old=living()), OVER, asked_for=True)


def test_a_launcher_that_goes_keeps_no_guest() -> None:
    """It still answers, and is about to be shut down."""
    going = launcher("new", TARGET)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    with pytest.raises(Finding, match="the guest's fate, within"):
        ended(Fate.STAYS, Guests(new=living()), (POD, going), ARRIVED, SUCCEEDED)


def test_a_guest_that_was_lost_and_another_that_runs() -> None:
    told = (on(SOURCE, "Failed", failed=True), OVER, on(TARGET, uid="vmi-2"))
    source = launcher("old", SOURCE)
    source["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert ended(Fate.RESTARTS, Guests(), (POD, source), *told) is End.RESTARTED


@pytest.mark.parametrize("fate", [Fate.SURVIVES, Fate.STAYS, Fate.ARRIVES])
def test_a_guest_that_need_not_have_been_lost(fate: Fate) -> None:
    with pytest.raises(Finding) as found:
        ended(fate, Guests(), on(SOURCE, "Failed", failed=True, endTimestamp="now"), OVER)
    assert found.value.what == "A guest was lost in a migration"
    assert found.value.expected == fate.meaning
    assert found.value.observed.startswith("VMI vm became Failed 0.00 s after the end of its migration")


def test_a_guest_that_booted_anew_was_lost() -> None:
    with pytest.raises(Finding) as found:
        ended(Fate.SURVIVES, Guests(old=living("other")), OVER)
    assert found.value.what == "A guest was lost in a migration"


def test_a_vmi_that_says_running_and_whose_guest_is_dead() -> None:
    """As seen in post-copy whose target was lost: nothing ends the VMI, and nobody answers."""
    api = Guests()
    with pytest.raises(Finding) as found:
        ended_after_an_answer(api)
    assert found.value.what == "A VMI says Running and its guest is dead"
    assert "VMI vm says Running on one; its guest answered at" in found.value.observed


def test_a_guest_whose_vmi_says_that_it_is_not_ready_is_waited_for() -> None:
    """Its node may be booting; in the end it is told all the same."""
    machine = on(SOURCE, **FAILED)[1]
    machine["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    with pytest.raises(Finding) as found:
        ended_after_an_answer(Guests(), machine)
    assert found.value.what == "A VMI says Running and its guest is dead"
    assert found.value.observed.startswith("nobody answers at old; its migration is Running")


def ended_after_an_answer(api: Guests, machine: Object | None = None) -> End:
    said = {"metadata": {"name": "old", "uid": "old"}, "vmi": UID, "asked": 0.0, **living()("/state")}
    told = machine or on(SOURCE, **FAILED)[1]
    return ended(Fate.RESTARTS, api, ("Answer", said), (VMI, told), OVER, mortal=0.0)


def test_two_guests_while_the_migration_goes_on() -> None:
    told = []
    for at, place in enumerate(("new", "old", "new")):
        said = {"metadata": {"name": place, "uid": place}, "vmi": UID, "asked": float(at), "bootId": "boot"}
        told.append(("Answer", {**said, "uptime": float(at), "heartbeat": at}))
    with pytest.raises(Finding, match="Two guests of one VMI run"):
        ended(Fate.SURVIVES, Guests(), *told)
