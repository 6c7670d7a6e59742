"""What a VMI's volumes mean for its migration: which cannot be shared, and whether disks have to be copied."""

from __future__ import annotations

from typing import Any

from ...kube import Object
from ...release import Release

SHARED = "ReadWriteMany"
ADVICE = "live migration requires that all PVCs must be shared (using ReadWriteMany access mode)"
BACKEND = "persistent-state-for-this-vm"


def disk_trouble(vmi: Object, release: Release) -> str | None:
    """Why the VMI's disks forbid a migration; None when they do not."""
    if release.needs_shared_backend_storage and _backend_unshared(vmi):
        return "cannot migrate VMI: Backend storage PVC is not RWX"
    troubles = (_trouble(volume, vmi) for volume in vmi["spec"].get("volumes") or [])
    return next((trouble for trouble in troubles if trouble), None)


def migration_method(vmi: Object, release: Release) -> str:
    """BlockMigration when disks have to be copied (or could not be), else LiveMigration."""
    copied = disk_trouble(vmi, release) is not None
    copied = copied or any(_is_copied(volume, vmi) for volume in vmi["spec"].get("volumes") or [])
    return "BlockMigration" if copied else "LiveMigration"


def uses_persistent_reservation(vmi: Object) -> bool:
    return any((disk.get("lun") or {}).get("reservation") for disk in _disks(vmi))


def claim_of(volume: dict[str, Any]) -> str | None:
    """The PVC behind a volume; a DataVolume's bears its name."""
    if "persistentVolumeClaim" in volume:
        claim: str = volume["persistentVolumeClaim"]["claimName"]
        return claim
    if "dataVolume" in volume:
        name: str = volume["dataVolume"]["name"]
        return name
    return None


def _trouble(volume: dict[str, Any], vmi: Object) -> str | None:
    if claim := claim_of(volume):
        return _claim_trouble(volume["name"], claim, vmi)
    if "hostDisk" in volume and not volume["hostDisk"].get("shared"):
        return "cannot migrate VMI with non-shared HostDisk"
    return None


def _claim_trouble(volume: str, claim: str, vmi: Object) -> str | None:
    if volume in _moved_along(vmi):
        return None
    info = _volume_status(vmi, volume).get("persistentVolumeClaimInfo")
    if info is None:
        return f"cannot migrate VMI: Unable to determine if PVC {claim} is shared, {ADVICE}"
    if SHARED not in (info.get("accessModes") or []):
        return f"cannot migrate VMI: PVC {claim} is not shared, {ADVICE}"
    return None


def _is_copied(volume: dict[str, Any], vmi: Object) -> bool:
    """Everything local is copied, but for read-only CD-ROMs and what is shared through a filesystem."""
    name = volume["name"]
    if claim_of(volume):
        return name in _moved_along(vmi)
    if "hostDisk" in volume or name in _filesystems(vmi):
        return False
    disk = next((disk for disk in _disks(vmi) if disk["name"] == name), {})
    return not ("cdrom" in disk and (disk["cdrom"] or {}).get("readonly", True))


def _backend_unshared(vmi: Object) -> bool:
    info = _volume_status(vmi, BACKEND).get("persistentVolumeClaimInfo")
    return info is not None and SHARED not in (info.get("accessModes") or [])


def _moved_along(vmi: Object) -> set[str]:
    """Volumes that this very migration moves to other storage."""
    return {volume["volumeName"] for volume in vmi.get("status", {}).get("migratedVolumes") or []}


def _volume_status(vmi: Object, name: str) -> dict[str, Any]:
    statuses = vmi.get("status", {}).get("volumeStatus") or []
    return next((status for status in statuses if status["name"] == name), {})


def _disks(vmi: Object) -> list[dict[str, Any]]:
    disks: list[dict[str, Any]] = (vmi["spec"]["domain"].get("devices") or {}).get("disks") or []
    return disks


def _filesystems(vmi: Object) -> set[str]:
    filesystems = (vmi["spec"]["domain"].get("devices") or {}).get("filesystems") or []
    return {item["name"] for item in filesystems}
