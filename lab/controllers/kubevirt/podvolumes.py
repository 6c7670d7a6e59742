"""The volumes of a launcher pod: directories of its own, and what the VMI's volumes bring from outside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...kube import Object

IN_THE_POD = ("configMap", "secret", "downwardAPI")


def claim_of(volume: dict[str, Any]) -> str | None:
    """The PVC behind a VMI's volume: a DataVolume's bears its name."""
    if "dataVolume" in volume:
        return str(volume["dataVolume"]["name"])
    holder = volume.get("ephemeral", volume)
    source = holder.get("persistentVolumeClaim") or holder.get("memoryDump")
    return str(source["claimName"]) if source else None


def is_hotplugged(volume: dict[str, Any]) -> bool:
    source = volume.get("persistentVolumeClaim") or volume.get("dataVolume") or {}
    return bool(source.get("hotpluggable")) or "memoryDump" in volume


def pod_volumes(vmi: Object, empty_dirs: Iterable[str], *, container_disks: bool) -> list[Object]:
    """In KubeVirt's order: its own directories, the VMI's volumes, the directory for hotplugged disks."""
    own: list[Object] = [{"name": name, "emptyDir": {}} for name in empty_dirs]
    if container_disks:
        own.append({"name": "container-disks", "emptyDir": {}})
    brought = [made for volume in vmi["spec"].get("volumes") or [] if (made := _brought(volume))]
    return [*own, *brought, {"name": "hotplug-disks", "emptyDir": {}}]


def _brought(volume: dict[str, Any]) -> Object | None:
    name = volume["name"]
    if is_hotplugged(volume):
        return None
    if claim := claim_of(volume):
        source: dict[str, Any] = {"claimName": claim}
        return {
            "name": name,
            "persistentVolumeClaim": {**source, "readOnly": True} if "ephemeral" in volume else source,
        }
    if "hostDisk" in volume:
        directory = volume["hostDisk"]["path"].rpartition("/")[0] or "/"
        return {"name": name, "hostPath": {"path": directory, "type": "DirectoryOrCreate"}}
    for kind in IN_THE_POD:
        if kind in volume:
            return {"name": name, kind: _renamed(kind, volume[kind])}
    return _cloud_init(name, volume)


def _renamed(kind: str, source: dict[str, Any]) -> dict[str, Any]:
    """A pod's volume has fewer fields than a VMI's, which also knows a `volumeLabel`."""
    kept = {key: value for key, value in source.items() if key != "volumeLabel"}
    if kind == "downwardAPI" and "fields" in kept:
        kept["items"] = kept.pop("fields")
    return kept


def _cloud_init(name: str, volume: dict[str, Any]) -> Object | None:
    source = volume.get("cloudInitNoCloud") or volume.get("cloudInitConfigDrive") or {}
    if secret := (source.get("secretRef") or {}).get("name"):
        return {"name": f"{name}-udata", "secret": {"secretName": secret}}
    return None
