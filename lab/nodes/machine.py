"""What a node is registered as: labels, taints, capacity, conditions."""

from __future__ import annotations

import os
import platform
import uuid
from enum import Enum

from ..clock import timestamp
from ..kube import Object
from ..network import KUBELET_PORT
from .runtime import Node

KUBELET_VERSION = "v1.36.2"
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
WORKER_LABEL = "node-role.kubernetes.io/worker"
BARE_METAL_TAINT = {"key": "baremetal", "value": "true", "effect": "NoSchedule"}
CONTROL_PLANE_TAINT = {"key": CONTROL_PLANE_LABEL, "effect": "NoSchedule"}
CAPACITY = {
    "cpu": "16",
    "devices.kubevirt.io/kvm": "1k",
    "devices.kubevirt.io/tun": "1k",
    "devices.kubevirt.io/vhost-net": "1k",
    "ephemeral-storage": "264212084Ki",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    "lab.example/network-card": "8",
    "memory": "64Gi",
    "pods": "250",
}
HEALTHY = {
    "MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    "Ready": ("True", "KubeletReady", "kubelet is posting ready status"),
}


class NodeRole(Enum):
    CONTROL_PLANE = "control-plane"
    WORKER = "worker"


def registration(node: Node, role: NodeRole) -> Object:
    """The Node object a kubelet creates when it joins the cluster."""
    control_plane = role is NodeRole.CONTROL_PLANE
    return {
        "metadata": {
            "name": node.name,
            "labels": {
                "beta.kubernetes.io/arch": "amd64",
                "beta.kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/hostname": node.name,
                "kubernetes.io/os": "linux",
                CONTROL_PLANE_LABEL if control_plane else WORKER_LABEL: "",
            },
            "annotations": {
                "node.alpha.kubernetes.io/ttl": "0",
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": {
            "podCIDR": node.block.pod_cidr(node.index),
            "podCIDRs": [node.block.pod_cidr(node.index)],
            "taints": [CONTROL_PLANE_TAINT if control_plane else BARE_METAL_TAINT],
        },
        "status": status(node, role),
    }


def status(node: Node, role: NodeRole) -> Object:
    """A healthy node's status."""
    devices = role is NodeRole.WORKER
    capacity = {name: size for name, size in CAPACITY.items() if devices or not name.startswith("devices.")}
    return {
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": conditions(),
        "addresses": [{"type": "InternalIP", "address": node.address}, {"type": "Hostname", "address": node.name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
        "nodeInfo": _info(node),
    }


def conditions() -> list[Object]:
    now = timestamp()
    return [
        {
            "type": type,
            "status": state,
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
            "reason": reason,
            "message": message,
        }
        for type, (state, reason, message) in HEALTHY.items()
    ]


def _info(node: Node) -> Object:
    machine = str(uuid.uuid5(uuid.NAMESPACE_DNS, node.name))
    return {
        "machineID": machine.replace("-", ""),
        "systemUUID": machine,
        "bootID": node.machines.setdefault("boot-id", str(uuid.uuid4())),
        "kernelVersion": platform.release(),
        "osImage": f"Seatrial lab ({os.uname().sysname})",
        "containerRuntimeVersion": "containerd://1.7.24",
        "kubeletVersion": KUBELET_VERSION,
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": "amd64",
    }
