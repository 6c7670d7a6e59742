"""What is wrong with the rest of a VMI's spec: names, choices out of a list, and features whose gate is off.

Source: vmi-create-admitter.go and pkg/virt-api/webhooks/{amd64,hyperv}.go at v1.8.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from ....kube import Object
from .review import Cause
from .settings import Settings
from .spec_disks import CLAIMS, LABEL, LABEL_TEXT

STRATEGIES = ("None", "LiveMigrate", "LiveMigrateIfPossible", "External")
SECURITY_GATES = {"sev": "WorkloadEncryptionSEV", "snp": "WorkloadEncryptionSEV", "tdx": "WorkloadEncryptionTDX"}
PROBES = ("readinessProbe", "livenessProbe")
HANDLERS = ("httpGet", "tcpSocket", "exec", "guestAgentPing")
PASSTHROUGH = "Cannot explicitly set hyperV features if HypervPassthrough is being used."


def choice_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    """Members with a fixed set of values."""
    if (name := spec.get("hostname")) and not LABEL.fullmatch(name):
        place = f"{at}.hostname"
        yield Cause(f"{place} does not conform to the kubernetes DNS_LABEL rules : {LABEL_TEXT}", place)
    machine = (spec["domain"].get("machine") or {}).get("type")
    if machine and not any(fnmatchcase(machine, pattern) for pattern in settings.machines):
        place = f"{at}.domain.machine.type"
        text = f"{place} is not supported: {machine} (allowed values: [{' '.join(settings.machines)}])"
        yield Cause(text, place)
    start = spec.get("startStrategy")
    if start is not None and start != "Paused":
        yield Cause(f"{at}.startStrategy is set with an unrecognized option: {start}", f"{at}.startStrategy")
    for probe in PROBES:
        if probe in spec:
            yield from _probe_causes(spec, spec[probe], f"{at}.{probe}")
    eviction = spec.get("evictionStrategy")
    if eviction is not None and eviction not in STRATEGIES:
        place = f"{at}.evictionStrategy"
        yield Cause(f"{place} is set with an unrecognized option: {eviction}", place)


def _probe_causes(spec: Object, probe: Object, at: str) -> Iterator[Cause]:
    used = [handler for handler in HANDLERS if handler in probe]
    if len(used) > 1:
        yield Cause(f"{at} must have exactly one probe type set", at)
    if not used:
        ways = f"either {at}.tcpSocket, {at}.exec or {at}.httpGet"
        yield Cause(f"{ways} must be set if a {at} is specified", at, "FieldValueRequired")
    if any("pod" in network for network in spec.get("networks") or []):
        return
    for handler in ("httpGet", "tcpSocket"):
        if handler in probe:
            yield Cause(f"{at}.{handler} is only allowed if the Pod Network is attached", f"{at}.{handler}")


def gate_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    """Members that a feature gate must allow."""
    devices = spec["domain"].get("devices") or {}
    if "gpus" in devices and settings.release.has_gpu_gate and not settings.gate_is_on("GPU"):
        yield Cause("GPU feature gate is not enabled in kubevirt-config", f"{at}.GPUs")
    if "hostDevices" in devices and not settings.gate_is_on("HostDevices"):
        yield Cause("Host Devices feature gate is not enabled in kubevirt-config", f"{at}.HostDevices")
    if "launchSecurity" in spec["domain"]:
        yield from _security_causes(spec, at, settings)
    reserved = any((disk.get("lun") or {}).get("reservation") for disk in devices.get("disks") or [])
    if reserved and not settings.gate_is_on("PersistentReservation"):
        text = "PersistentReservation feature gate is not enabled in kubevirt-config"
        yield Cause(text, f"{at}.domain.devices.disks.luns.reservation")
    yield from _filesystem_causes(spec, at, settings)


def _security_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    place = f"{at}.launchSecurity"
    kinds = [kind for kind in SECURITY_GATES if kind in spec["domain"]["launchSecurity"]]
    if len(kinds) != 1:
        yield Cause("One and only one launchSecurity type can be set", place, "FieldValueForbidden")
        return
    kind = kinds[0]
    if not settings.gate_is_on(SECURITY_GATES[kind]):
        yield Cause(f"{SECURITY_GATES[kind]} feature gate is not enabled in kubevirt-config", place)
        return
    efi = ((spec["domain"].get("firmware") or {}).get("bootloader") or {}).get("efi")
    if efi is None:
        yield Cause(f"{kind.upper()} requires OVMF (UEFI)", place)
    elif kind != "tdx" and efi.get("secureBoot", True):
        yield Cause(f"{kind.upper()} does not work along with SecureBoot", place)
    elif kind != "sev" and efi.get("persistent"):
        yield Cause(f"{kind.upper()} does not work along with Persistent EFI variables", place)


def _filesystem_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or []}
    for shared in spec["domain"].get("devices", {}).get("filesystems") or []:
        volume = volumes.get(shared["name"])
        if volume is None:
            continue
        storage = any(claim in volume for claim in CLAIMS)
        gate = settings.release.virtiofs_gate(storage)
        if gate and not settings.gate_is_on(gate):
            what = "PVC" if storage else "config volumes"
            text = f"virtiofs is not allowed: virtiofs feature gate is not enabled for {what}"
            yield Cause(text, f"{at}.domain.devices.filesystems")


def hyperv_causes(spec: Object) -> Iterator[Cause]:
    features = spec["domain"].get("features") or {}
    if features.get("hyperv") and (features.get("hypervPassthrough") or {}).get("enabled"):
        yield Cause(f"{PASSTHROUGH} Please use either HyperV or HypervPassthrough.", "spec.domain.features.hyperv")


def firmware_causes(spec: Object, at: str) -> Iterator[Cause]:
    firmware, features = spec["domain"].get("firmware") or {}, spec["domain"].get("features") or {}
    loader = firmware.get("bootloader") or {}
    if "efi" in loader and "bios" in loader:
        place = f"{at}.domain.firmware.bootloader"
        yield Cause(f"{place} has both EFI and BIOS configured, but they are mutually exclusive.", place)
    smm = features.get("smm")
    if "efi" in loader and loader["efi"].get("secureBoot", True) and not (smm and smm.get("enabled", True)):
        text = "has EFI SecureBoot enabled. SecureBoot requires SMM, which is currently disabled."
        yield Cause(f"{at}.domain {text}", f"{at}.domain")
