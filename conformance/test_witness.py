"""What only a witness knows of a migration: that there is one guest, and that it is whole.

The tests migrate and have the guest asked; what it says is held against the standing checks, as in every test.
"""

from __future__ import annotations

import pytest

from seatrial.fixtures import Guests, History, VirtualMachines, check
from seatrial.fixtures.guest import NO_WITNESS
from seatrial.fixtures.standing import LINGERING

pytestmark = pytest.mark.usefixtures("two_nodes")


@pytest.mark.requirement("WIT-01")
def test_there_is_one_guest(vms: VirtualMachines, guests: Guests, history: History) -> None:
    """Two migrations: after each the witnesses look where the guest was, and its launcher there has to end."""
    vm = vms.create()
    guest = guests.of(vm)
    before = guest.state()
    for _ in range(2):
        wait_ended(history, vm.migrate().wait_succeeded().source_pod)
        guest.state(after=guest.state().heartbeat + 5)
    kept = guest.witness()
    if kept.forks is None:
        pytest.skip(NO_WITNESS.format("disk"))
    check("boot id", before.boot_id, kept.boot_id)
    check("times that its disk held what it had not written", 0, kept.forks)


@pytest.mark.requirement("WIT-02")
def test_its_memory_is_intact(vms: VirtualMachines, guests: Guests) -> None:
    """Two migrations, and every page that the guest watches is as it was written."""
    vm = vms.create()
    guest = guests.of(vm)
    before = guest.witness()
    if before.pages is None:
        pytest.skip(NO_WITNESS.format("memory"))
    for _ in range(2):
        vm.migrate().wait_succeeded()
    after = guest.witness()
    check("boot id", before.boot_id, after.boot_id)
    check("pages that are not as they were written", 0, after.mismatches)
    check("pages looked at", f"more than {before.checked}", after.checked, holds=after.checked > before.checked)


def wait_ended(history: History, launcher: str) -> None:
    """Until a launcher pod that a guest has left is over."""
    history.wait(f"launcher {launcher} has ended", lambda seen: _ended(seen, launcher), LINGERING)


def _ended(history: History, pod: str) -> bool:
    found = history.find("Pod", pod)
    return found is None or found["status"].get("phase") in ("Succeeded", "Failed")
