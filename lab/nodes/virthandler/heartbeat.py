"""What virt-handler tells about its node: that it is alive, and what guests can run here."""

from __future__ import annotations

import asyncio
import random

from ...clock import timestamp
from ...kinds import NODE
from ...kube import Kube
from ...release import Release

SCHEDULABLE = "kubevirt.io/schedulable"
HEARTBEAT = "kubevirt.io/heartbeat"
SHORTEST, SPREAD = 60.0, 72.0

MODEL = "Skylake-Server-IBRS"
MODELS = ("Nehalem", "Penryn", "SandyBridge", "Westmere", "Haswell", "Broadwell", "Skylake-Client", MODEL)
FEATURES = ("aes", "apic", "avx", "avx2", "hypervisor", "sse4.1", "sse4.2", "ssse3", "tsc", "vmx", "x2apic", "xsave")
REQUIRED_FEATURES = ("hypervisor", "vmx")
MACHINE_TYPES = ("pc", "q35", "pc-q35-rhel9.4.0", "pc-q35-rhel9.6.0")
HYPERV = (
    "base",
    "frequencies",
    "ipi",
    "reenlightenment",
    "reset",
    "runtime",
    "synic",
    "synic2",
    "synictimer",
    "time",
    "tlbflush",
    "vpindex",
)
SECURITY = ("kubevirt.io/sev", "kubevirt.io/sev-es", "kubevirt.io/sev-snp", "kubevirt.io/tdx")


def node_labels(release: Release) -> dict[str, str]:
    """The labels of a node that can run guests.

    The lab's nodes all have the same processor, and do not expose its TSC frequency, as virtualised nodes do not. They
    claim every kind of launch security, so that VMIs which ask for one can be scheduled.
    """
    labels = {SCHEDULABLE: "true", "cpumanager": "false", "cpu-vendor.node.kubevirt.io/Intel": "true"}
    if release.cpu_manager_label != "cpumanager":
        labels[release.cpu_manager_label] = "false"
    labels[f"host-model-cpu.node.kubevirt.io/{MODEL}"] = "true"
    for prefix, names in (
        ("host-model-required-features", REQUIRED_FEATURES),
        ("cpu-model", MODELS),
        ("cpu-model-migration", MODELS),
        ("cpu-feature", FEATURES),
        ("machine-type", MACHINE_TYPES),
        ("hyperv", HYPERV),
    ):
        labels |= {f"{prefix}.node.kubevirt.io/{name}": "true" for name in names}
    return labels | dict.fromkeys(SECURITY, "true")


async def announce(kube: Kube, node: str, release: Release) -> None:
    """Say for the first time what the node is."""
    await _patch(kube, node, node_labels(release))


async def beat(kube: Kube, node: str, release: Release) -> None:
    """Say again and again that virt-handler is alive, at KubeVirt's random intervals."""
    alive = {SCHEDULABLE: "true", "cpumanager": "false", release.cpu_manager_label: "false"}
    while True:
        await asyncio.sleep(SHORTEST + SPREAD * random.random())
        await _patch(kube, node, alive)


async def withdraw(kube: Kube, node: str) -> None:
    """A virt-handler that is told to go says that nothing can start here until it is back."""
    await _patch(kube, node, {SCHEDULABLE: "false"})


async def _patch(kube: Kube, node: str, labels: dict[str, str]) -> None:
    change = {"metadata": {"labels": labels, "annotations": {HEARTBEAT: timestamp()}}}
    await kube.patch(NODE, node, change, style="strategic")
