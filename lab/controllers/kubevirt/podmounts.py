"""Where the volumes of a launcher pod are mounted in its containers."""

from __future__ import annotations

from collections.abc import Iterable

from ...kube import Object
from .objects import uid

PRIVATE = "/var/run/kubevirt-private"
DISKS = "/var/run/kubevirt-ephemeral-disks"
OWN = {
    "private": PRIVATE,
    "public": "/var/run/kubevirt",
    "ephemeral-disks": DISKS,
    "libvirt-runtime": "/var/run/libvirt",
    "sockets": "/var/run/kubevirt/sockets",
    "container-disks": "/var/run/kubevirt/container-disks",
}
HOTPLUG = "hotplug-disks"
FOLDERS = {"configMap": "config-map", "secret": "secret", "downwardAPI": "downwardapi"}
"""Below the private folder; disks are in `vmi-disks`."""


def mount(vmi: Object, containers: Iterable[Object], volumes: list[Object]) -> list[Object]:
    """The containers, each with the mounts of its part in the pod."""
    return [{**container, "volumeMounts": _mounts(vmi, container["name"], volumes)} for container in containers]


def _mounts(vmi: Object, container: str, volumes: list[Object]) -> list[Object]:
    if container == "compute":
        return _of_compute(volumes)
    if container == "guest-console-log":
        return [{"name": "private", "mountPath": PRIVATE, "readOnly": True}]
    if container == "container-disk-binary":
        return [{"name": "virt-bin-share-dir", "mountPath": "/init/usr/bin"}]
    data = f"{DISKS}/container-disk-data/{uid(vmi)}"
    return [{"name": "container-disks", "mountPath": data}, {"name": "virt-bin-share-dir", "mountPath": "/usr/bin"}]


def _of_compute(volumes: list[Object]) -> list[Object]:
    present = {volume["name"] for volume in volumes}
    own = [{"name": name, "mountPath": path} for name, path in OWN.items() if name in present]
    brought = [volume for volume in volumes if "emptyDir" not in volume]
    added = [{"name": volume["name"], "mountPath": f"{PRIVATE}/{_folder(volume)}"} for volume in brought]
    return [*own, *added, {"name": HOTPLUG, "mountPath": f"/var/run/kubevirt/{HOTPLUG}"}]


def _folder(volume: Object) -> str:
    kind = next((kind for kind in FOLDERS if kind in volume), "")
    return f"{FOLDERS.get(kind, 'vmi-disks')}/{volume['name']}"
