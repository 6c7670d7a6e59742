"""What virt-handler writes into a VMI's status, as pure edits of a copy."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

from ...clock import timestamp
from ...hypervisors.interface import Cause, State, Status
from ...kube import Object

MACHINE_TYPES = {"q35": "pc-q35-rhel9.6.0", "pc": "pc-i440fx-rhel7.6.0"}
CLOUD_INIT_SIZE = 1 << 20
BUSES = {"virtio": "vd", "sata": "sd", "scsi": "sd", "usb": "sd"}
PAUSES = {
    Cause.USER: ("PausedByUser", "VMI was paused by user"),
    Cause.MONITOR: ("PausedByMigrationMonitor", "VMI was paused by the migration monitor"),
}


def condition_of(vmi: Object, type: str) -> Object | None:
    conditions = vmi.get("status", {}).get("conditions") or []
    return next((condition for condition in conditions if condition["type"] == type), None)


def set_condition(vmi: Object, condition: Object) -> None:
    """Put a condition in its old place, or at the end."""
    conditions = vmi["status"].setdefault("conditions", [])
    for index, old in enumerate(conditions):
        if old["type"] == condition["type"]:
            conditions[index] = condition
            return
    conditions.append(condition)


def drop_condition(vmi: Object, type: str) -> None:
    conditions = vmi["status"].get("conditions") or []
    vmi["status"]["conditions"] = [condition for condition in conditions if condition["type"] != type]


def enter_phase(vmi: Object, phase: str) -> None:
    """Set the phase, and note when it was first entered."""
    status = vmi["status"]
    status["phase"] = phase
    seen = status.setdefault("phaseTransitionTimestamps", [])
    if all(entry["phase"] != phase for entry in seen):
        seen.append({"phase": phase, "phaseTransitionTimestamp": timestamp()})


def set_paused(vmi: Object, domain: Status) -> None:
    """The condition Paused, as the domain is."""
    reason = PAUSES.get(domain.cause) if domain.state is State.PAUSED else None
    old = condition_of(vmi, "Paused")
    if reason is None:
        if old:
            drop_condition(vmi, "Paused")
    elif old is None or old.get("reason") != reason[0]:
        now = timestamp()
        seen = {"lastProbeTime": now, "lastTransitionTime": now}
        set_condition(vmi, {**seen, "message": reason[1], "reason": reason[0], "status": "True", "type": "Paused"})


def set_machine(vmi: Object) -> None:
    """What the domain was built as."""
    status = vmi["status"]
    asked = (vmi["spec"]["domain"].get("machine") or {}).get("type") or "q35"
    status["machine"] = {"type": MACHINE_TYPES.get(asked, asked)}
    cpu = vmi["spec"]["domain"].get("cpu") or {}
    topology = {key: cpu[key] for key in ("cores", "sockets", "threads") if key in cpu}
    status.setdefault("currentCPUTopology", topology or {"cores": 1})
    status.setdefault("guestOSInfo", {})
    if guest := (vmi["spec"]["domain"].get("memory") or {}).get("guest"):
        status.setdefault("memory", {"guestAtBoot": guest, "guestCurrent": guest, "guestRequested": guest})


def set_interfaces(vmi: Object, pod_ip: str) -> None:
    """The guest's interfaces as the domain has them; the pod network's has the pod's address."""
    spec = vmi["spec"]
    networks = {network["name"]: network for network in spec.get("networks") or []}
    interfaces = (spec["domain"].get("devices") or {}).get("interfaces") or []
    made = [_interface(vmi, item, networks.get(item["name"], {}), pod_ip) for item in interfaces]
    if made:
        vmi["status"]["interfaces"] = made


def _interface(vmi: Object, item: dict[str, Any], network: dict[str, Any], pod_ip: str) -> Object:
    on_pod_network = "pod" in network
    made: Object = {"infoSource": "domain"}
    if on_pod_network:
        made |= {"ipAddress": pod_ip, "ipAddresses": [pod_ip]}
    made |= {"linkState": "up", "mac": item.get("macAddress") or mac_address(vmi, item["name"]), "name": item["name"]}
    pod_interface = "eth0" if on_pod_network else f"pod{hashlib.sha256(item['name'].encode()).hexdigest()[:11]}"
    return {**made, "podInterfaceName": pod_interface, "queueCount": 1}


def mac_address(vmi: Object, interface: str) -> str:
    """The address a guest was given; the same wherever it goes."""
    digest = hashlib.sha256(f"{vmi['metadata']['uid']}/{interface}".encode()).digest()
    return ":".join(f"{byte:02x}" for byte in (0x02, *digest[:5]))


def drop_addresses(vmi: Object) -> None:
    """A guest that is no more has no address."""
    for interface in vmi["status"].get("interfaces") or []:
        interface.pop("ipAddress", None)
        interface.pop("ipAddresses", None)


def set_volume_checksums(vmi: Object) -> None:
    """What is found in the images that the guest boots from."""
    for volume in vmi["spec"].get("volumes") or []:
        if image := (volume.get("containerDisk") or {}).get("image"):
            _volume(vmi, volume["name"])["containerDiskVolume"] = {"checksum": zlib.crc32(image.encode())}
    kernel = ((vmi["spec"]["domain"].get("firmware") or {}).get("kernelBoot") or {}).get("container")
    if kernel:
        parts = (("initrdInfo", "initrdPath"), ("kernelInfo", "kernelPath"))
        vmi["status"]["kernelBootStatus"] = {
            info: {"checksum": zlib.crc32(f"{kernel['image']}{kernel[path]}".encode())}
            for info, path in parts
            if path in kernel
        }


def set_volume_targets(vmi: Object) -> None:
    """The device names that the guest sees its disks by."""
    counts: dict[str, int] = {}
    volumes = {volume["name"]: volume for volume in vmi["spec"].get("volumes") or []}
    for disk in (vmi["spec"]["domain"].get("devices") or {}).get("disks") or []:
        if disk["name"] not in volumes:
            continue
        kind = next((disk[key] or {} for key in ("disk", "cdrom", "lun") if key in disk), {})
        prefix = BUSES.get(kind.get("bus", "sata" if "cdrom" in disk else "virtio"), "vd")
        entry = _volume(vmi, disk["name"])
        entry["target"] = f"{prefix}{chr(ord('a') + counts.get(prefix, 0))}"
        counts[prefix] = counts.get(prefix, 0) + 1
        if any(key.startswith("cloudInit") for key in volumes[disk["name"]]):
            entry["size"] = CLOUD_INIT_SIZE
    vmi["status"].get("volumeStatus", []).sort(key=lambda status: str(status["name"]))


def _volume(vmi: Object, name: str) -> Object:
    statuses = vmi["status"].setdefault("volumeStatus", [])
    for status in statuses:
        if status["name"] == name:
            found: Object = status
            return found
    made: Object = {"name": name, "target": ""}
    statuses.append(made)
    return made
