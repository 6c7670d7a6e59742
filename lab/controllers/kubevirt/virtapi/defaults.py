"""What virt-api fills in on VMs and VMIs: each member that a user may leave out, with KubeVirt's value for it.

Source: pkg/defaults, pkg/network/vmispec/defaults.go, staging/src/kubevirt.io/api/core/v1/defaults.go at v1.8.4.
"""

from __future__ import annotations

import math
import uuid

from ....kube import Object
from ....resources import amount
from .settings import Settings

TOPOLOGY = "kubevirt.io/pci-topology-version"
TARGETS = ("disk", "cdrom", "lun")


def default_vm_template(template: Object, settings: Settings, *, new: bool) -> None:
    """What must not change from one start of a VM to the next is settled in the VM itself."""
    spec = template["spec"]
    if new and settings.release.keeps_firmware_in_vm:
        firmware = spec["domain"].setdefault("firmware", {})
        firmware.setdefault("uuid", str(uuid.uuid4()))
        firmware.setdefault("serial", str(uuid.uuid4()))
    _default_machine(spec)
    spec["domain"].setdefault("resources", {})
    if new and settings.release.has_pci_topology:
        mark_topology(template)


def default_vmi(vmi: Object, settings: Settings) -> None:
    """Everything that a VMI may leave out."""
    spec = vmi["spec"]
    default_spec(spec, settings)
    domain = spec["domain"]
    domain.setdefault("firmware", {}).setdefault("uuid", str(uuid.uuid4()))
    domain.setdefault("features", {}).setdefault("acpi", {}).setdefault("enabled", True)
    domain["cpu"].setdefault("model", settings.cpu_model or "host-model")
    _default_disk_devices(domain["devices"])
    if settings.release.has_pci_topology:
        mark_topology(vmi)


def default_spec(spec: Object, settings: Settings) -> None:
    """The part of the defaults that VMs are validated with, although only their VMIs keep it."""
    _default_machine(spec)
    domain = spec["domain"]
    domain.setdefault("resources", {})
    domain.setdefault("devices", {})
    _default_cpu_request(domain["resources"])
    _default_memory(domain)
    _default_cpu(domain)
    _default_pull_policies(spec)
    if settings.eviction_strategy:
        spec.setdefault("evictionStrategy", settings.eviction_strategy)
    _default_network(spec, settings)
    _default_disks(spec)


def mark_topology(obj: Object) -> None:
    metadata = obj.get("metadata") or {}
    obj["metadata"] = {**metadata, "annotations": {TOPOLOGY: "v3", **(metadata.get("annotations") or {})}}


def first_status(domain: Object) -> Object:
    """What the guest boots with, by which later changes are measured."""
    cpu = domain["cpu"]
    known = {"currentCPUTopology": {name: cpu[name] for name in ("cores", "sockets", "threads") if name in cpu}}
    if guest := (domain.get("memory") or {}).get("guest"):
        known["memory"] = {"guestAtBoot": guest, "guestCurrent": guest, "guestRequested": guest}
    return known


def _default_machine(spec: Object) -> None:
    if not spec.get("architecture"):
        spec["architecture"] = "amd64"
    machine = spec["domain"].setdefault("machine", {})
    if not machine.get("type"):
        machine["type"] = "q35"


def _default_cpu_request(resources: Object) -> None:
    limit = (resources.get("limits") or {}).get("cpu")
    if limit and not (resources.get("requests") or {}).get("cpu"):
        resources["requests"] = {**(resources.get("requests") or {}), "cpu": limit}


def _default_memory(domain: Object) -> None:
    memory = domain.get("memory") or {}
    domain["memory"] = memory
    resources = domain["resources"]
    for where in ("requests", "limits"):
        if not memory.get("guest") and (asked := (resources.get(where) or {}).get("memory")):
            memory["guest"] = asked
    if not memory.get("guest") and (page := (memory.get("hugepages") or {}).get("pageSize")):
        memory["guest"] = page


def _default_cpu(domain: Object) -> None:
    """Without a topology a guest has as many sockets as it has processors granted."""
    cpu = domain.get("cpu") or {}
    domain["cpu"] = cpu
    if any(cpu.get(name) for name in ("cores", "sockets", "threads")):
        return
    resources = domain["resources"]
    granted = (resources.get("limits") or {}).get("cpu") or (resources.get("requests") or {}).get("cpu")
    cpu |= {"cores": 1, "sockets": math.ceil(amount(granted)) if granted else 1, "threads": 1}


def _default_pull_policies(spec: Object) -> None:
    for volume in spec.get("volumes") or []:
        disk = volume.get("containerDisk")
        if disk is None or disk.get("imagePullPolicy"):
            continue
        image = disk["image"]
        newest = image.endswith(":latest") or not (":" in image or "@" in image)
        disk["imagePullPolicy"] = "Always" if newest else "IfNotPresent"


def _default_network(spec: Object, settings: Settings) -> None:
    devices = spec["domain"]["devices"]
    if devices.get("autoattachPodInterface") is False or spec.get("networks") or devices.get("interfaces"):
        return
    devices["interfaces"] = [{"name": "default", settings.default_interface: {}}]
    spec["networks"] = [{"name": "default", "pod": {}}]


def _default_disks(spec: Object) -> None:
    """A volume that nothing names becomes a disk."""
    devices = spec["domain"]["devices"]
    used = {item["name"] for kind in ("disks", "filesystems") for item in devices.get(kind) or []}
    unused = [volume["name"] for volume in spec.get("volumes") or [] if volume["name"] not in used]
    if unused:
        devices["disks"] = [*(devices.get("disks") or []), *({"name": name} for name in unused)]


def _default_disk_devices(devices: Object) -> None:
    for disk in devices.get("disks") or []:
        if not any(target in disk for target in TARGETS):
            disk["disk"] = {}
        for target in TARGETS:
            if target in disk:
                disk[target].setdefault("bus", "sata")
        if "cdrom" in disk:
            disk["cdrom"].setdefault("readonly", True)
            disk["cdrom"].setdefault("tray", "closed")
