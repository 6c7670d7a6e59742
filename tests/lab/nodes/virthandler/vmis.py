"""VMIs to judge, and the releases to judge them by."""

from __future__ import annotations

import copy
from typing import Any

from seatrial.lab.nodes.virthandler.migratable import Surroundings
from seatrial.lab.release import RELEASES, release_of

VERSIONS = tuple(RELEASES)
HOST_MODEL = {"host-model-cpu.node.kubevirt.io/Skylake-Server-IBRS": "true"}

PLAIN: dict[str, Any] = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachineInstance",
    "metadata": {
        "name": "vm1",
        "namespace": "ns",
        "uid": "uid-1",
        "resourceVersion": "1",
        "labels": {},
        "annotations": {},
        "finalizers": ["kubevirt.io/foregroundDeleteVirtualMachine"],
    },
    "spec": {
        "architecture": "amd64",
        "domain": {
            "cpu": {"cores": 1, "model": "host-model"},
            "devices": {
                "disks": [{"name": "root", "disk": {"bus": "virtio"}}, {"name": "init", "disk": {"bus": "virtio"}}],
                "interfaces": [{"name": "default", "masquerade": {}}],
            },
            "machine": {"type": "q35"},
            "memory": {"guest": "128Mi"},
        },
        "networks": [{"name": "default", "pod": {}}],
        "volumes": [
            {"name": "root", "containerDisk": {"image": "registry.example/guest:1"}},
            {"name": "init", "cloudInitNoCloud": {"userData": "#cloud-config"}},
        ],
    },
    "status": {
        "phase": "Running",
        "nodeName": "node1",
        "volumeStatus": [{"name": "init", "target": ""}, {"name": "root", "target": ""}],
    },
}


def plain() -> dict[str, Any]:
    """A tutorial's VMI, which is migratable."""
    return copy.deepcopy(PLAIN)


def around(version: str = "1.8", **more: Any) -> Surroundings:
    return Surroundings(**{"release": release_of(version), "node": "node1", "node_labels": HOST_MODEL, **more})


def with_claim(vmi: dict[str, Any], mode: str | None, name: str = "data", kind: str = "pvc") -> dict[str, Any]:
    """The VMI with a claim besides; `mode` None is a claim that nothing is known of yet."""
    source = {"persistentVolumeClaim": {"claimName": f"{name}-claim"}}
    if kind == "dataVolume":
        source = {"dataVolume": {"name": f"{name}-claim"}}
    vmi["spec"]["volumes"].append({"name": name, **source})
    vmi["spec"]["domain"]["devices"]["disks"].append({"name": name, "disk": {"bus": "virtio"}})
    info = {"persistentVolumeClaimInfo": {"accessModes": [mode], "claimName": f"{name}-claim"}} if mode else {}
    vmi["status"]["volumeStatus"].append({"name": name, "target": "", **info})
    return vmi
