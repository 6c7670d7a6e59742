"""Whether a VMI may be migrated, and if not, why: KubeVirt's rules in each release's order, as pure functions.

Source: pkg/virt-handler/vm.go and pkg/network/vmispec of KubeVirt 1.3 to 1.9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...kube import Object
from ...release import Release
from .volumes import disk_trouble, uses_persistent_reservation

ALLOW_BRIDGE = "kubevirt.io/allow-pod-bridge-network-live-migration"
HOST_MODEL_LABEL = "host-model-cpu.node.kubevirt.io/"
NO_TSC = (
    "HyperV Reenlightenment VMIs cannot migrate when TSC Frequency is not exposed on the cluster: "
    "guest timers might be inconsistent"
)


@dataclass(frozen=True)
class Surroundings:
    """What, besides the VMI itself, decides: the release, the node, and the cluster's configuration."""

    release: Release
    node: str
    node_labels: Mapping[str, str] = field(default_factory=dict)
    bindings: Mapping[str, Any] = field(default_factory=dict)
    """The registered network binding plugins: `spec.configuration.network.binding` of the KubeVirt CR."""
    feature_gates: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Hindrance:
    """One reason why a VMI cannot be migrated, as its condition gives it."""

    reason: str
    message: str


Rule = Callable[[Object, Surroundings], Hindrance | None]


def hindrances(vmi: Object, around: Surroundings, *, disks: bool = True) -> Iterable[Hindrance]:
    """All that hinders a migration, in the release's order; without `disks`, what hinders one that copies them too."""
    rules: list[Rule] = [_network, _host_model, _virtiofs, _devices, _sev, _tdx]
    if disks:
        rules.append(_secure_execution)
    rules += [_reservation, _tsc, _hyperv_passthrough]
    if disks:
        rules.insert(0 if around.release.disks_checked_first else len(rules), _disks)
    return (found for rule in rules if (found := rule(vmi, around)))


def live_migratable(vmi: Object, around: Surroundings) -> Object:
    """The condition LiveMigratable."""
    first = next(iter(hindrances(vmi, around)), None)
    return _condition("LiveMigratable", first)


def storage_live_migratable(vmi: Object, around: Surroundings) -> Object:
    """The condition StorageLiveMigratable."""
    found = list(hindrances(vmi, around, disks=False))
    texts = ", ".join(f"{hindrance.reason}: {hindrance.message}" for hindrance in found)
    return _condition("StorageLiveMigratable", Hindrance("NotMigratable", texts) if found else None)


def _condition(type: str, hindrance: Hindrance | None) -> Object:
    condition: Object = {"lastProbeTime": None, "lastTransitionTime": None}
    if hindrance:
        condition |= {"message": hindrance.message, "reason": hindrance.reason}
    return {**condition, "status": "False" if hindrance else "True", "type": type}


def _devices_of(vmi: Object) -> dict[str, Any]:
    devices: dict[str, Any] = vmi["spec"]["domain"].get("devices") or {}
    return devices


def _disks(vmi: Object, around: Surroundings) -> Hindrance | None:
    trouble = disk_trouble(vmi, around.release)
    return Hindrance("DisksNotLiveMigratable", trouble) if trouble else None


def _network(vmi: Object, around: Surroundings) -> Hindrance | None:
    """Only the interface on the pod network matters."""
    networks = vmi["spec"].get("networks") or []
    pod_network = next((network["name"] for network in networks if "pod" in network), None)
    if pod_network is None:
        return None
    interfaces = _devices_of(vmi).get("interfaces") or []
    interface = next((item for item in interfaces if item["name"] == pod_network), None)
    if interface is None:
        return Hindrance("InterfaceNotLiveMigratable", f"no primary interface found for network {pod_network}")
    if _binding_migrates(interface, vmi, around):
        return None
    return Hindrance("InterfaceNotLiveMigratable", around.release.interface_message)


def _binding_migrates(interface: Mapping[str, Any], vmi: Object, around: Surroundings) -> bool:
    if "masquerade" in interface or "passtBinding" in interface:
        return True
    if "bridge" in interface:
        return ALLOW_BRIDGE in (vmi["metadata"].get("annotations") or {})
    plugin = (interface.get("binding") or {}).get("name")
    return plugin is not None and "migration" in (around.bindings.get(plugin) or {})


def _host_model(vmi: Object, around: Surroundings) -> Hindrance | None:
    model = (vmi["spec"]["domain"].get("cpu") or {}).get("model")
    if model != "host-model" or any(label.startswith(HOST_MODEL_LABEL) for label in around.node_labels):
        return None
    text = f'the node "{around.node}" does not allow migration with host-model'
    return Hindrance("CPUModeLiveMigratable", text)


def _virtiofs(vmi: Object, around: Surroundings) -> Hindrance | None:
    if around.release.virtiofs_migrates or not _devices_of(vmi).get("filesystems"):
        return None
    return Hindrance("VirtIOFSNotLiveMigratable", "VMI uses virtiofs")


def _devices(vmi: Object, around: Surroundings) -> Hindrance | None:
    devices = _devices_of(vmi)
    host_devices, gpus = devices.get("hostDevices") or [], devices.get("gpus") or []
    if not host_devices and not gpus:
        return None
    if around.release.tells_devices_apart:
        message = _device_message(host_devices, gpus, around)
    else:
        message = "VMI uses a PCI host devices"
    return Hindrance("HostDeviceNotLiveMigratable", message)


def _device_message(host_devices: list[Any], gpus: list[Any], around: Surroundings) -> str:
    if host_devices:
        return "VMI specifies non-migratable generic PCI host device"
    if len(gpus) > 1:
        return "VMI specifies too many GPUs"
    if "VGPULiveMigration" not in around.feature_gates:
        return "VMI specifies a GPU but feature gate VGPULiveMigration is not enabled"
    return "VMI specifies non-migratable GPU device"


def _launch_security(vmi: Object) -> dict[str, Any]:
    found: dict[str, Any] = vmi["spec"]["domain"].get("launchSecurity") or {}
    return found


def _sev(vmi: Object, around: Surroundings) -> Hindrance | None:
    found = {"sev", "snp"} & _launch_security(vmi).keys()
    return Hindrance("SEVNotLiveMigratable", "VMI uses SEV") if found else None


def _tdx(vmi: Object, around: Surroundings) -> Hindrance | None:
    found = around.release.knows_tdx and "tdx" in _launch_security(vmi)
    return Hindrance("TDXNotLiveMigratable", "VMI uses TDX") if found else None


def _secure_execution(vmi: Object, around: Surroundings) -> Hindrance | None:
    on_s390x = vmi["spec"].get("architecture") == "s390x"
    found = around.release.knows_secure_execution and on_s390x and "launchSecurity" in vmi["spec"]["domain"]
    return Hindrance("SecureExecutionNotLiveMigratable", "VMI uses Secure Execution") if found else None


def _reservation(vmi: Object, around: Surroundings) -> Hindrance | None:
    message = around.release.reservation_message
    if not message or not uses_persistent_reservation(vmi):
        return None
    return Hindrance("PersistentReservationNotLiveMigratable", message)


def _tsc(vmi: Object, around: Surroundings) -> Hindrance | None:
    hyperv = (vmi["spec"]["domain"].get("features") or {}).get("hyperv") or {}
    hints = vmi.get("status", {}).get("topologyHints") or {}
    if not _enabled(hyperv.get("reenlightenment")) or hints.get("tscFrequency"):
        return None
    return Hindrance("NoTSCFrequencyNotLiveMigratable", NO_TSC)


def _hyperv_passthrough(vmi: Object, around: Surroundings) -> Hindrance | None:
    passthrough = (vmi["spec"]["domain"].get("features") or {}).get("hypervPassthrough")
    if not _enabled(passthrough):
        return None
    return Hindrance("HypervPassthroughNotLiveMigratable", "VMI uses hyperv passthrough")


def _enabled(feature: Mapping[str, Any] | None) -> bool:
    """A feature that is there is on, unless it says otherwise."""
    return feature is not None and feature.get("enabled", True) is not False
