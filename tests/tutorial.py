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
    """Apply the guide's VM, start it, and wait until it is ready."""
    kubectl("apply", "-f", "-", stdin=manifest("vm", *changes))
    kubectl.put(f"{VM}/start")
    kubectl("wait", "vm/testvm", "--for=condition=Ready", "--timeout=30s")


def serve_vm(kubectl: Kubectl) -> str:
    """Apply the guide's Service, and wait until there is somebody behind it; returns its address."""
    kubectl("apply", "-f", "-", stdin=manifest("service"))
    kubectl("wait", "endpoints/testvm", "--for=create", "--timeout=30s")
    kubectl.until("endpoints/testvm", ".subsets[0].ports[0].port", "8080")
    return kubectl.value("service/testvm", ".spec.clusterIP")


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


def successor(kubectl: Kubectl, uid: str) -> str:
    """Wait for another VMI than that of `uid` to run; returns its node."""
    columns = 'jsonpath={.metadata.uid} {.status.phase} {.status.nodeName}{"\\n"}'
    with kubectl.printing("get", "vmi", "--watch", "-o", columns) as rows:
        running = (row.split() for row in rows if " Running " in row)
        return next(node for other, _, node in running if other != uid)
