"""Every reason that KubeVirt has for calling a VMI not migratable, with a spec that brings it about.

Source: KubeVirt's API (VirtualMachineInstanceReason…) and pkg/virt-handler/vm.go of the versions named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Spec = dict[str, Any]
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

    def holds_for(self, version: tuple[int, int]) -> bool:
        return self.since <= version < self.before


def _host_device(spec: Spec) -> None:
    spec["domain"]["devices"]["hostDevices"] = [{"name": "device", "deviceName": HOST_DEVICE}]


def _gpu(spec: Spec) -> None:
    spec["domain"]["devices"]["gpus"] = [{"name": "gpu", "deviceName": HOST_DEVICE}]


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


def _persistent_reservation(spec: Spec) -> None:
    disk = {"name": "reserved", "lun": {"reservation": True}}
    spec["domain"]["devices"]["disks"].append(disk)


HOST_DEVICE = "seatrial.io/host-device"
"""Replaced by a device that the cluster permits (KubeVirt CR, permittedHostDevices)."""

REASONS = (
    Reason(
        "HostDeviceNotLiveMigratable",
        "a host device",
        _host_device,
        r"^VMI (uses a PCI host devices|specifies non-migratable generic PCI host device)$",
        "a device in permittedHostDevices that a node offers",
    ),
    Reason(
        "HostDeviceNotLiveMigratable",
        "a GPU",
        _gpu,
        r"^VMI (uses a PCI host devices|specifies .*GPU.*)$",
        "a device in permittedHostDevices that a node offers",
    ),
    Reason("SEVNotLiveMigratable", "SEV", _sev, r"^VMI uses SEV$", "a node with SEV"),
    Reason("TDXNotLiveMigratable", "TDX", _tdx, r"^VMI uses TDX$", "a node with TDX", since=(1, 7)),
    Reason(
        "SecureExecutionNotLiveMigratable",
        "Secure Execution",
        _secure_execution,
        r"^VMI uses Secure Execution$",
        "a node of architecture s390x",
        since=(1, 6),
    ),
    Reason(
        "HypervPassthroughNotLiveMigratable",
        "Hyper-V passthrough",
        _hyperv_passthrough,
        r"^VMI uses hyperv passthrough$",
        "nothing",
    ),
    Reason(
        "NoTSCFrequencyNotLiveMigratable",
        "re-enlightenment without a TSC frequency",
        _reenlightenment,
        r"^HyperV Reenlightenment VMIs cannot migrate when TSC Frequency is not exposed on the cluster",
        "nodes that do not expose their TSC frequency",
    ),
    Reason(
        "CPUModeLiveMigratable",
        "host-model on a node without a model",
        _host_model,
        r'^the node ".+" does not allow migration with host-model$',
        "a node without a host-model label",
    ),
    Reason(
        "PersistentReservationNotLiveMigratable",
        "a SCSI persistent reservation",
        _persistent_reservation,
        r"^VMI uses SCSI persist?ent reservation$",
        "the PersistentReservation feature gate and a shared block claim",
        before=(1, 9),
    ),
    Reason("VirtIOFSNotLiveMigratable", "virtiofs", _virtiofs, r"^VMI uses virtiofs$", "virtiofs", before=(1, 5)),
)
