"""The live migration tutorial's VM in a lab, by the guide's manifests."""

from __future__ import annotations

from pathlib import Path

from .kubectl import Kubectl

MANIFESTS = Path(__file__).parents[1] / "docs" / "guide" / "tutorial"
VM, VMI = "virtualmachines/testvm", "virtualmachineinstances/testvm"
NODES = ("training-baremetal-1", "training-baremetal-2", "training-baremetal-3")


def manifest(name: str, *changes: tuple[str, str]) -> str:
    """A manifest of the guide, with each first text replaced by the second."""
    text = (MANIFESTS / f"{name}.yaml").read_text()
    for old, new in changes:
        assert old in text, f"{name}.yaml has no {old!r}"
        text = text.replace(old, new)
    return text


def start_vm(kubectl: Kubectl, *changes: tuple[str, str]) -> None:
    """Apply the guide's VM, start it, and wait until it runs and is said to be migratable or not."""
    kubectl("apply", "-f", "-", stdin=manifest("vm", *changes))
    kubectl.put(f"{VM}/start")
    kubectl("wait", "vmi/testvm", "--for=condition=Ready", "--timeout=30s")


def migrate(kubectl: Kubectl, name: str) -> None:
    """Apply the guide's migration, under another name."""
    kubectl("apply", "-f", "-", stdin=manifest("migration", ("migration-job", name)))


def migrated(kubectl: Kubectl, name: str) -> None:
    """Migrate, and wait for it to succeed."""
    migrate(kubectl, name)
    kubectl.until(f"vmim/{name}", ".status.phase", "Succeeded")


def launcher(kubectl: Kubectl) -> str:
    """The name of the pod that the guest runs in."""
    pods = kubectl.json("get", "pods", "--field-selector=status.phase=Running")["items"]
    node = kubectl.value("vmi/testvm", ".status.nodeName")
    found: list[str] = [pod["metadata"]["name"] for pod in pods if pod["spec"]["nodeName"] == node]
    return found[0]
