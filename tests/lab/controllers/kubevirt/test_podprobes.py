"""The probes of launcher pods."""

from __future__ import annotations

from seatrial.lab.controllers.kubevirt import podprobes
from seatrial.lab.kube import Object


def probes_of(**probes: Object) -> Object:
    return podprobes.of({"metadata": {"name": "vm", "namespace": "ns"}, "spec": probes})


def test_a_vmi_without_probes_has_none() -> None:
    assert probes_of() == {}


def test_what_the_kubelet_asks_begins_later() -> None:
    made = probes_of(readinessProbe={"tcpSocket": {"port": 80}, "initialDelaySeconds": 5, "periodSeconds": 2})
    assert made == {"readinessProbe": {"tcpSocket": {"port": 80}, "initialDelaySeconds": 15, "periodSeconds": 2}}


def test_what_the_agent_is_asked_goes_by_virt_probe() -> None:
    made = probes_of(
        livenessProbe={"guestAgentPing": {}, "timeoutSeconds": 3},
        readinessProbe={"exec": {"command": ["cat", "/tmp/a"]}},
    )
    asking = ["virt-probe", "--domainName", "ns_vm", "--timeoutSeconds"]
    assert made["livenessProbe"]["exec"]["command"] == [*asking, "3", "--guestAgentPing", "true"]
    assert made["readinessProbe"]["exec"]["command"] == [*asking, "1", "--command", "cat", "--", "/tmp/a"]
