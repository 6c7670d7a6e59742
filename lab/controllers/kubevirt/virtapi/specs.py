"""What makes a VMI's spec unacceptable, beyond its structure: names that do not meet, and features that are off.

The lab checks what users meet; KubeVirt checks several hundred combinations of devices more.
Source: pkg/virt-api/webhooks/validating-webhook/admitters/vmi-create-admitter.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....kube import Object
from ....release import Release
from ....resources import amount
from .review import Cause

BINDINGS = ("bridge", "slirp", "masquerade", "sriov", "macvtap", "passt", "passtBinding", "binding")


@dataclass(frozen=True)
class Settings:
    """What of the KubeVirt CR decides about specs."""

    release: Release
    gates: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    devices: frozenset[str] = field(default_factory=frozenset)
    """Resource names of permitted host devices."""

    @classmethod
    def of(cls, kubevirt: Object | None, release: Release) -> Settings:
        configuration: Mapping[str, Any] = ((kubevirt or {}).get("spec") or {}).get("configuration") or {}
        developer = configuration.get("developerConfiguration") or {}
        permitted = configuration.get("permittedHostDevices") or {}
        listed = [
            *permitted.get("pciHostDevices", []),
            *permitted.get("mediatedDevices", []),
            *permitted.get("usb", []),
        ]
        return cls(
            release,
            frozenset(developer.get("featureGates") or ()),
            frozenset(developer.get("disabledFeatureGates") or ()),
            frozenset(item["resourceName"] for item in listed),
        )

    def gate_is_on(self, name: str) -> bool:
        return self.release.gate_is_on(name, self.gates, self.disabled)


def spec_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    """Everything wrong with a VMI's spec; `at` is where it stands in the object."""
    devices = spec["domain"].get("devices") or {}
    yield from _disk_causes(spec, devices, at)
    yield from _network_causes(spec, devices, at)
    yield from _memory_causes(spec["domain"], at)
    yield from _device_causes(devices, at, settings)
    yield from _security_causes(spec, at, settings)
    yield from _eviction_causes(spec, at)


def _repeated(items: Sequence[Mapping[str, Any]], at: str) -> Iterator[Cause]:
    first: dict[str, int] = {}
    for index, item in enumerate(items):
        name = item.get("name", "")
        if name in first:
            yield Cause(f"{at}[{first[name]}] and {at}[{index}] must not have the same Name.", f"{at}[{index}].name")
        first.setdefault(name, index)


def _disk_causes(spec: Object, devices: Object, at: str) -> Iterator[Cause]:
    volumes, disks = spec.get("volumes") or [], devices.get("disks") or []
    where = f"{at}.domain.devices.disks"
    yield from _repeated(disks, where)
    yield from _repeated(volumes, f"{at}.volumes")
    known = {volume["name"] for volume in volumes}
    for index, disk in enumerate(disks):
        if disk["name"] not in known:
            yield Cause(f"{where}[{index}].Name '{disk['name']}' not found.", f"{where}[{index}].name")
    for index, volume in enumerate(volumes):
        if len(volume) != 2:
            field_name = f"{at}.volumes[{index}]"
            yield Cause(f"{field_name} must have exactly one source type set", field_name)


def _network_causes(spec: Object, devices: Object, at: str) -> Iterator[Cause]:
    networks, interfaces = spec.get("networks") or [], devices.get("interfaces") or []
    where = f"{at}.domain.devices.interfaces"
    yield from _repeated(interfaces, where)
    yield from _repeated(networks, f"{at}.networks")
    known = {network["name"]: network for network in networks}
    used = {interface["name"] for interface in interfaces}
    for index, interface in enumerate(interfaces):
        place, name = f"{where}[{index}].name", interface["name"]
        if name not in known:
            yield Cause(f"{place} '{name}' not found.", place)
        elif "masquerade" in interface and "pod" not in known[name]:
            yield Cause("Masquerade interface only implemented with pod network", place)
        if sum(binding in interface for binding in BINDINGS) > 1:
            yield Cause(f"{where}[{index}] must have at most one binding", place)
    for index, network in enumerate(networks):
        if network["name"] not in used:
            yield Cause(f"{at}.networks[{index}].name '{network['name']}' not found.", f"{at}.networks[{index}].name")
    if sum("pod" in network for network in networks) > 1:
        yield Cause(
            "more than one interface is connected to a pod network in " + f"{at}.interfaces", f"{at}.interfaces"
        )


def _memory_causes(domain: Object, at: str) -> Iterator[Cause]:
    guest = (domain.get("memory") or {}).get("guest")
    limit = ((domain.get("resources") or {}).get("limits") or {}).get("memory")
    requested = ((domain.get("resources") or {}).get("requests") or {}).get("memory")
    place = f"{at}.domain.memory.guest"
    if guest is None and requested is None and "hugepages" not in (domain.get("memory") or {}):
        yield Cause("no memory requested, at least one of memory.guest, memory.hugepages.size or resources.memory", at)
    if guest is not None and amount(guest) <= 0:
        yield Cause(f"{place} '{guest}': must be greater than 0.", place)
    elif guest is not None and limit is not None and amount(guest) > amount(limit):
        text = f"{place} '{guest}' must be equal to or less than the memory limit {at}.domain.resources.limits.memory"
        yield Cause(f"{text} '{limit}'", place)


def _device_causes(devices: Object, at: str, settings: Settings) -> Iterator[Cause]:
    asked = [("hostDevices", item) for item in devices.get("hostDevices") or []]
    asked += [("gpus", item) for item in devices.get("gpus") or []]
    if asked and not settings.gate_is_on("HostDevices"):
        yield Cause("Host Devices feature gate is not enabled in kubevirt-config", f"{at}.domain.devices.{asked[0][0]}")
        return
    for kind, item in asked:
        if item.get("deviceName") not in settings.devices:
            text = f"HostDevice {item.get('deviceName')} is not permitted in permittedHostDevices configuration"
            yield Cause(text, f"{at}.domain.devices.{kind}")
    reserved = any((disk.get("lun") or {}).get("reservation") for disk in devices.get("disks") or [])
    if reserved and not settings.gate_is_on("PersistentReservation"):
        yield Cause(
            "PersistentReservation feature gate is not enabled in kubevirt-config", f"{at}.domain.devices.disks"
        )
    old_filesystems = devices.get("filesystems") and not settings.release.virtiofs_migrates
    if old_filesystems and not settings.gate_is_on("ExperimentalVirtiofsSupport"):
        yield Cause(
            "virtiofs is not allowed: virtiofs feature gate is not enabled in kubevirt-config", f"{at}.filesystems"
        )


def _security_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    security = spec["domain"].get("launchSecurity") or {}
    for kind, gate in (
        ("sev", "WorkloadEncryptionSEV"),
        ("snp", "WorkloadEncryptionSEV"),
        ("tdx", "WorkloadEncryptionTDX"),
    ):
        if kind in security and not settings.gate_is_on(gate):
            yield Cause(f"{gate} feature gate is not enabled in kubevirt-config", f"{at}.domain.launchSecurity")


def _eviction_causes(spec: Object, at: str) -> Iterator[Cause]:
    strategy, place = spec.get("evictionStrategy"), f"{at}.evictionStrategy"
    if strategy is not None and strategy not in ("None", "LiveMigrate", "LiveMigrateIfPossible", "External"):
        yield Cause(f"{place} is set with an unrecognized option: {strategy}", place)
