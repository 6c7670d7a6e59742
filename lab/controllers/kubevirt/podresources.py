"""How much a launcher pod asks for: the guest's memory, KubeVirt's own overhead on top, and the devices it needs."""

from __future__ import annotations

from typing import Any

from ...kube import Object
from ...resources import amount
from .autolimits import AutoLimits

MIB = 2**20
LAUNCHER_MIB = 220
"""virt-launcher-monitor, virt-launcher, virtlogd, virtqemud and QEMU itself."""
STATIC_MIB = 8
PER_VCPU_MIB = 8
VIDEO_MIB = 32
PAGE_TABLE_SHARE = 512
CPU_ALLOCATION_RATIO = 10
DEVICE = "devices.kubevirt.io/"

CONTAINER_DISK = {
    "limits": {"cpu": "10m", "memory": "40M"},
    "requests": {"cpu": "1m", "ephemeral-storage": "50M", "memory": "1M"},
}
CONSOLE_LOG = {"limits": {"cpu": "15m", "memory": "60M"}, "requests": {"cpu": "5m", "memory": "35M"}}
BINARY_COPY = {"limits": {"cpu": "100m", "memory": "40M"}, "requests": {"cpu": "10m", "memory": "1M"}}


def compute(vmi: Object, auto: AutoLimits, *, emulation: bool) -> Object:
    """The `resources` of the container `compute`. `auto`: the limits that it gets without being asked to."""
    asked = vmi["spec"]["domain"].get("resources") or {}
    requests, limits = dict(asked.get("requests") or {}), dict(asked.get("limits") or {})
    overhead = overhead_bytes(vmi)
    memory = _guest_bytes(vmi) + overhead
    requests["memory"] = _mib(memory)
    if "memory" in limits:
        limits["memory"] = _mib(int(amount(limits["memory"])) + overhead)
    if auto.memory:
        limits["memory"] = _mib(int(memory * auto.memory))
    if auto.cpu:
        limits["cpu"] = str(vcpus(vmi))
    requests.setdefault("cpu", f"{vcpus(vmi) * 1000 // CPU_ALLOCATION_RATIO}m")
    requests["ephemeral-storage"] = "50M"
    for name in _devices(vmi, emulation):
        requests[DEVICE + name] = limits[DEVICE + name] = "1"
    if _is_dedicated(vmi):
        requests["cpu"] = limits["cpu"] = str(vcpus(vmi))
        limits["memory"] = requests["memory"]
    return {"limits": limits, "requests": requests} if limits else {"requests": requests}


def overhead_bytes(vmi: Object) -> int:
    """What the virtualisation costs beside the guest's own memory."""
    devices = vmi["spec"]["domain"].get("devices") or {}
    video = VIDEO_MIB if devices.get("autoattachGraphicsDevice", True) else 0
    page_tables = _guest_bytes(vmi) // PAGE_TABLE_SHARE // MIB
    return (LAUNCHER_MIB + STATIC_MIB + PER_VCPU_MIB * vcpus(vmi) + video + page_tables) * MIB


def vcpus(vmi: Object) -> int:
    cpu: dict[str, Any] = vmi["spec"]["domain"].get("cpu") or {}
    count: int = cpu.get("cores", 1) * cpu.get("sockets", 1) * cpu.get("threads", 1)
    return count


def _guest_bytes(vmi: Object) -> int:
    domain = vmi["spec"]["domain"]
    requested = ((domain.get("resources") or {}).get("requests") or {}).get("memory")
    return int(amount(requested or (domain.get("memory") or {}).get("guest") or 0))


def _is_dedicated(vmi: Object) -> bool:
    return bool((vmi["spec"]["domain"].get("cpu") or {}).get("dedicatedCpuPlacement"))


def _devices(vmi: Object, emulation: bool) -> list[str]:
    names = [] if emulation else ["kvm"]
    devices = vmi["spec"]["domain"].get("devices") or {}
    interfaces = devices.get("interfaces") or []
    if interfaces or devices.get("autoattachPodInterface", True):
        names.append("tun")
    if not emulation and any(item.get("model", "virtio") == "virtio" for item in interfaces):
        names.append("vhost-net")
    return names


def _mib(count: int) -> str:
    return f"{count // MIB}Mi" if count % MIB == 0 else str(count)
