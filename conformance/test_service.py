"""What the users of a VM see: its Service answers before, during and after a migration."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Report, VirtualMachines, check
from seatrial.fixtures.kinds import SERVICE
from seatrial.fixtures.services import Services

GREETING = "Migration test"


@pytest.mark.requirement("TUT-10")
def test_service_reaches_the_guest(vms: VirtualMachines, services: Services) -> None:
    """A ClusterIP Service on 8080 answers with the guest's text."""
    check("the answer", GREETING, services.expose(vms.create()).wait_answering(GREETING))


@pytest.mark.requirement("TUT-14")
def test_service_answers_again_from_the_new_node(
    vms: VirtualMachines, services: Services, report: Report, two_nodes: None
) -> None:
    """Same name, same address, same text; how long nobody was answered is measured."""
    vm = vms.create()
    service = services.expose(vm)
    with service.blackout() as blackout:
        vm.migrate().wait_succeeded()
        check("the answer", GREETING, service.wait_answering(GREETING))
    now = vm.history.last(SERVICE.kind, service.name)
    check("the Service's address", service.address, now.object["spec"]["clusterIP"] if now else service.address)
    report.measure("blackout", blackout.longest_ms, "ms")
    report.measure("requests lost", blackout.lost, "requests")
    report.note(f"the blackout was measured by {blackout.samples} requests ({blackout.path})")
    answered = len(blackout.answers)
    check("requests that were answered, at once or slowly", "some", answered, holds=answered > 0)
