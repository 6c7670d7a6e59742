"""What is wrong with a VMI's disks and volumes.

Source: pkg/storage/admitters/disks.go, validateVolumes and validateBootOrder in vmi-create-admitter.go at v1.8.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....kube import Object
from .review import Cause
from .settings import Settings

TARGETS = ("disk", "lun", "cdrom")
BUSES = ("virtio", "scsi", "sata", "usb")
CLAIMS = ("persistentVolumeClaim", "dataVolume")
CLOUD_INIT = ("cloudInitNoCloud", "cloudInitConfigDrive")
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
INLINE_LIMIT = 2048


def disk_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    """Disks that lack a volume, or that no machine could have."""
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or []}
    disks = spec["domain"].get("devices", {}).get("disks") or []
    where = f"{at}.domain.devices.disks"
    for index, disk in enumerate(disks):
        yield from _volume_of(disk, volumes.get(disk["name"]), f"{where}[{index}]", settings)
    yield from _boot_orders(disks, where)
    yield from same_names(disks, where)
    for index, disk in enumerate(disks):
        yield from _device_causes(disk, f"{where}[{index}]")


def same_names(items: Sequence[Mapping[str, Any]], at: str) -> Iterator[Cause]:
    first: dict[str, int] = {}
    for index, item in enumerate(items):
        name = item.get("name", "")
        if name in first:
            yield Cause(f"{at}[{index}] and {at}[{first[name]}] must not have the same Name.", f"{at}[{index}].name")
        first.setdefault(name, index)


def _volume_of(disk: Object, volume: Object | None, at: str, settings: Settings) -> Iterator[Cause]:
    if volume is None and "cdrom" not in disk:
        yield Cause(f"{at}.Name '{disk['name']}' not found.", f"{at}.name")
    elif volume is None and not settings.gate_is_on("DeclarativeHotplugVolumes"):
        text = "DeclarativeHotplugVolumes feature gate not enabled, cannot define an empty CD-ROM disk"
        yield Cause(text, f"{at}.name")
    if "lun" in disk and volume is not None and not any(claim in volume for claim in CLAIMS):
        text = f"{at}.lun can only be mapped to a DataVolume or PersistentVolumeClaim volume."
        yield Cause(text, f"{at}.lun")


def _boot_orders(disks: Sequence[Object], where: str) -> Iterator[Cause]:
    taken: set[int] = set()
    for index, disk in enumerate(disks):
        order, at = disk.get("bootOrder"), f"{where}[{index}]"
        if order is None:
            continue
        if order < 1:
            yield Cause(f"{at} must have a boot order > 0, if supplied", f"{at}.bootOrder")
        elif order in taken:
            text = f"Boot order for {at}.bootOrder already set for a different device."
            yield Cause(text, f"{at}.bootOrder")
        taken.add(order)


def _device_causes(disk: Object, at: str) -> Iterator[Cause]:
    targets = [target for target in TARGETS if target in disk]
    if len(targets) > 1:
        yield Cause(f"{at} can only have a single target type defined", at)
    if targets and (bus := disk[targets[0]].get("bus")):
        yield from _bus_causes(disk, targets[0], bus, at)
    cache = disk.get("cache")
    if cache and cache not in ("none", "writethrough", "writeback"):
        yield Cause(f"{at}.cache has invalid value {cache}", f"{at}.cache")
    if not LABEL.fullmatch(disk["name"]):
        yield Cause(LABEL_TEXT, f"{at}.name")


def _bus_causes(disk: Object, target: str, bus: str, at: str) -> Iterator[Cause]:
    place = f"{at}.{target}.bus"
    if bus == "ide":
        yield Cause("IDE bus is not supported", place)
    elif bus not in BUSES:
        text = f"{at} is set with an unrecognized bus {bus}, must be one of: [{' '.join(BUSES)}]"
        yield Cause(text, place)
    elif bus == "virtio" and target == "cdrom":
        yield Cause("Bus type virtio is invalid for CD-ROM device", place)
    elif bus == "sata" and target == "disk" and disk["disk"].get("readonly"):
        yield Cause("sata hard-disks do not support read-only.", place)


def volume_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    volumes, where = spec.get("volumes") or [], f"{at}.volumes"
    yield from same_names(volumes, where)
    for index, volume in enumerate(volumes):
        place = f"{where}[{index}]"
        if len(volume) != 2:
            yield Cause(f"{place} must have exactly one source type set", place)
        for kind in CLOUD_INIT:
            if kind in volume:
                yield from _cloud_init_causes(volume[kind], f"{place}.{kind}")
        if "hostDisk" in volume:
            yield from _host_disk_causes(volume["hostDisk"], place, settings)


def _cloud_init_causes(source: Object, at: str) -> Iterator[Cause]:
    user = [name for name in ("secretRef", "userDataBase64", "userData") if source.get(name)]
    network = [name for name in ("networkDataSecretRef", "networkDataBase64", "networkData") if source.get(name)]
    if len(user) > 1:
        yield Cause(f"{at} must have only one userdatasource set.", at)
    if len(source.get("userData") or "") > INLINE_LIMIT:
        text = f"{at} userdata exceeds {INLINE_LIMIT} byte limit. Should use UserDataSecretRef for larger data."
        yield Cause(text, at)
    if len(network) > 1:
        yield Cause(f"{at} must have only one networkdata source set.", at)
    if not user and not network:
        yield Cause(f"{at} must have at least one userdatasource or one networkdatasource set.", at)


def _host_disk_causes(disk: Object, at: str, settings: Settings) -> Iterator[Cause]:
    if not settings.gate_is_on("HostDisk"):
        yield Cause("HostDisk feature gate is not enabled", at)
    if disk.get("type") not in ("Disk", "DiskOrCreate"):
        text = f"{at}.hostDisk.type has invalid value '{disk.get('type', '')}', allowed are 'Disk' or 'DiskOrCreate'"
        yield Cause(text, f"{at}.hostDisk.type")
    elif disk["type"] == "Disk" and disk.get("capacity"):
        text = f"{at}.hostDisk.capacity is allowed to pass only with {at}.hostDisk.type equal to 'DiskOrCreate'"
        yield Cause(text, f"{at}.hostDisk.capacity")


def unused_volume_causes(spec: Object, at: str) -> Iterator[Cause]:
    """A VMI must use each of its volumes; a VM's template need not."""
    devices = spec["domain"].get("devices", {})
    used = {item["name"] for kind in ("disks", "filesystems") for item in devices.get(kind) or []}
    for index, volume in enumerate(spec.get("volumes") or []):
        if volume["name"] not in used and "memoryDump" not in volume:
            place = f"{at}.domain.volumes[{index}].name"
            yield Cause(f"{place} '{volume['name']}' not found.", place)
