"""The reasons for calling a VMI not migratable that its spec alone brings about, each with such a spec.

Source: KubeVirt's API (VirtualMachineInstanceReason…) and pkg/virt-handler/vm.go of the versions named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seatrial.fixtures import KubeVirtVersion

Spec = dict[str, Any]
Object = dict[str, Any]
TSC_LABEL = "cpu-timer.node.kubevirt.io/tsc-frequency"
HOST_MODEL_LABEL = "host-model-cpu.node.kubevirt.io/"
FIRST, LAST = (1, 0), (9, 0)


@dataclass(frozen=True)
class Reason:
    """A reason, the change to a VM's template spec that triggers it, and the message's pattern.

    `needs` says in words what the cluster must offer for such a VM to run at all. `since` and `before` bound the
    KubeVirt versions (major, minor) in which the reason exists.
    """

    name: str
    case: str
    change: Callable[[Spec], None]
    message: str
    needs: str
    since: tuple[int, int] = FIRST
    before: tuple[int, int] = LAST
    unmet: Callable[[list[Object]], str | None] | None = None
    """Tells, given the nodes, why this cluster cannot show the reason; None when it can."""

    def exists_in(self, version: KubeVirtVersion) -> bool:
        return version >= self.since and version < self.before


def _sev(spec: Spec) -> None:
    spec["domain"]["launchSecurity"] = {"sev": {}}
    spec["domain"]["firmware"] = {"bootloader": {"efi": {"secureBoot": False}}}


def _tdx(spec: Spec) -> None:
    spec["domain"]["launchSecurity"] = {"tdx": {}}
    spec["domain"]["firmware"] = {"bootloader": {"efi": {"secureBoot": False}}}


def _secure_execution(spec: Spec) -> None:
    spec["architecture"] = "s390x"
    spec["domain"]["launchSecurity"] = {}


def _hyperv_passthrough(spec: Spec) -> None:
    spec["domain"].setdefault("features", {})["hypervPassthrough"] = {"enabled": True}


def _reenlightenment(spec: Spec) -> None:
    features = spec["domain"].setdefault("features", {})
    features["hyperv"] = {"reenlightenment": {"enabled": True}}


def _host_model(spec: Spec) -> None:
    spec["domain"]["cpu"] = {**spec["domain"].get("cpu", {}), "model": "host-model"}


def _virtiofs(spec: Spec) -> None:
    spec["domain"]["devices"]["filesystems"] = [{"name": "shared", "virtiofs": {}}]
    spec["volumes"].append({"name": "shared", "serviceAccount": {"serviceAccountName": "default"}})


def _labels(node: Object) -> dict[str, str]:
    labels: dict[str, str] = node["metadata"].get("labels") or {}
    return labels


def _no_s390x(nodes: list[Object]) -> str | None:
    found = any(_labels(node).get("kubernetes.io/arch") == "s390x" for node in nodes)
    return None if found else "there is none"


def _tsc_exposed(nodes: list[Object]) -> str | None:
    exposing = [node["metadata"]["name"] for node in nodes if TSC_LABEL in _labels(node)]
    return f"{', '.join(exposing)} expose it" if exposing else None


def _host_model_everywhere(nodes: list[Object]) -> str | None:
    vm_nodes = [node for node in nodes if _labels(node).get("kubevirt.io/schedulable") == "true"]
    lacking = any(not any(label.startswith(HOST_MODEL_LABEL) for label in _labels(node)) for node in vm_nodes)
    return None if lacking else "each has one"


HYPERV_PASSTHROUGH = Reason(
    "HypervPassthroughNotLiveMigratable",
    "Hyper-V passthrough",
    _hyperv_passthrough,
    r"^VMI uses hyperv passthrough$",
    "a processor that Hyper-V features can be passed through from",
)
REASONS = (
    HYPERV_PASSTHROUGH,
    Reason("SEVNotLiveMigratable", "SEV", _sev, r"^VMI uses SEV$", "a node with SEV"),
    Reason("TDXNotLiveMigratable", "TDX", _tdx, r"^VMI uses TDX$", "a node with TDX", since=(1, 7)),
    Reason(
        "SecureExecutionNotLiveMigratable",
        "Secure Execution",
        _secure_execution,
        r"^VMI uses Secure Execution$",
        "a node of architecture s390x",
        since=(1, 6),
        unmet=_no_s390x,
    ),
    Reason(
        "NoTSCFrequencyNotLiveMigratable",
        "re-enlightenment without a TSC frequency",
        _reenlightenment,
        r"^HyperV Reenlightenment VMIs cannot migrate when TSC Frequency is not exposed on the cluster",
        "nodes that do not expose their TSC frequency",
        unmet=_tsc_exposed,
    ),
    Reason(
        "CPUModeLiveMigratable",
        "host-model on a node without a model",
        _host_model,
        r'^the node ".+" does not allow migration with host-model$',
        "a node without a host-model label",
        unmet=_host_model_everywhere,
    ),
    Reason("VirtIOFSNotLiveMigratable", "virtiofs", _virtiofs, r"^VMI uses virtiofs$", "virtiofs", before=(1, 5)),
)
