"""What virt-api fills in on VMs and VMIs, and what of them it refuses.

Source: pkg/virt-api/webhooks/mutating-webhook and validating-webhook at v1.3.1 to v1.9.0.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterator
from typing import Any

from ....clock import timestamp
from ....kube import Object
from ....release import Release
from ..names import CREATED_BY, JOB_UID, MIGRATION_TARGET_NODE, NODE_NAME, SCHEDULABLE
from .review import Asked, Cause, invalid, replace
from .specs import Settings, spec_causes

RUN_STRATEGIES = ("Always", "Halted", "Manual", "RerunOnFailure", "Once", "WaitAsReceiver")
RESERVED_LABELS = (
    CREATED_BY,
    JOB_UID,
    NODE_NAME,
    MIGRATION_TARGET_NODE,
    SCHEDULABLE,
    "kubevirt.io/install-strategy",
)
TOPOLOGY = "kubevirt.io/pci-topology-version"
NON_ROOT_USER = 107
GRACE = 30


def mutate_vm(asked: Asked, release: Release) -> list[Object]:
    """Defaults of the template that must not change from one start to the next."""
    if "deletionTimestamp" in asked.new["metadata"]:
        return []
    spec = copy.deepcopy(asked.new["spec"])
    template = spec["template"]
    if asked.operation == "CREATE":
        metadata = template.get("metadata") or {}
        metadata.setdefault("annotations", {}).setdefault(TOPOLOGY, "v3")
        template["metadata"] = metadata
    _stable_defaults(template["spec"])
    return [replace("/spec", spec)] if spec != asked.new["spec"] else []


def _stable_defaults(spec: Object) -> None:
    spec.setdefault("architecture", "amd64")
    domain = spec["domain"]
    domain.setdefault("machine", {}).setdefault("type", "q35")
    domain.setdefault("resources", {})
    firmware = domain.setdefault("firmware", {})
    firmware.setdefault("uuid", str(uuid.uuid4()))
    firmware.setdefault("serial", str(uuid.uuid4()))


def mutate_vmi(asked: Asked, release: Release) -> list[Object]:
    """On creation defaults and a first status; on a user's update the status that was there before."""
    if asked.operation == "CREATE":
        return _new_vmi(asked.new, release)
    if asked.by_kubevirt or asked.new.get("status") == asked.old.get("status"):
        return []
    if "status" in asked.old:
        return [replace("/status", asked.old["status"])]
    return [{"op": "remove", "path": "/status"}]


def _new_vmi(vmi: Object, release: Release) -> list[Object]:
    spec = copy.deepcopy(vmi["spec"])
    _stable_defaults(spec)
    _runtime_defaults(spec)
    metadata = copy.deepcopy(vmi["metadata"])
    finalizers = metadata.setdefault("finalizers", [])
    if release.vmi_finalizer not in finalizers:
        finalizers.append(release.vmi_finalizer)
    status = {
        **(vmi.get("status") or {}),
        "phase": "Pending",
        "phaseTransitionTimestamps": [{"phase": "Pending", "phaseTransitionTimestamp": timestamp()}],
        "guestOSInfo": {},
        "runtimeUser": NON_ROOT_USER,
        **_hotplug_baseline(spec["domain"]),
    }
    return [replace("/spec", spec), replace("/metadata", metadata), {"op": "add", "path": "/status", "value": status}]


def _hotplug_baseline(domain: Object) -> Object:
    """What the guest boots with, which later changes are measured by."""
    topology = {name: domain["cpu"][name] for name in ("cores", "sockets", "threads") if name in domain["cpu"]}
    if not (guest := (domain.get("memory") or {}).get("guest")):
        return {"currentCPUTopology": topology}
    memory = {"guestAtBoot": guest, "guestCurrent": guest, "guestRequested": guest}
    return {"currentCPUTopology": topology, "memory": memory}


def _runtime_defaults(spec: Object) -> None:
    domain = spec["domain"]
    spec.setdefault("terminationGracePeriodSeconds", GRACE)
    domain.setdefault("cpu", {}).setdefault("model", "host-model")
    domain["cpu"].setdefault("cores", 1)
    domain.setdefault("features", {}).setdefault("acpi", {}).setdefault("enabled", True)
    _memory_default(domain)
    _network_default(spec)
    _disk_defaults(spec)


def _memory_default(domain: Object) -> None:
    requested = (domain.get("resources") or {}).get("requests", {}).get("memory")
    if requested and not (domain.get("memory") or {}).get("guest"):
        domain["memory"] = {**(domain.get("memory") or {}), "guest": requested}


def _network_default(spec: Object) -> None:
    devices = spec["domain"].setdefault("devices", {})
    if devices.get("autoattachPodInterface") is False or spec.get("networks") or devices.get("interfaces"):
        return
    spec["networks"] = [{"name": "default", "pod": {}}]
    devices["interfaces"] = [{"name": "default", "masquerade": {}}]


def _disk_defaults(spec: Object) -> None:
    """A volume that no disk names becomes a disk of its own."""
    disks = spec["domain"]["devices"].setdefault("disks", [])
    named = {disk["name"] for disk in disks}
    shared = {item["name"] for item in spec["domain"]["devices"].get("filesystems", [])}
    for volume in spec.get("volumes", []):
        if volume["name"] not in named | shared and "memoryDump" not in volume and "downwardMetrics" not in volume:
            disks.append({"name": volume["name"], "disk": {"bus": "virtio"}})


def validate_vm(asked: Asked, settings: Settings) -> None:
    """Raises Denied with every cause."""
    if "deletionTimestamp" in asked.new["metadata"]:
        return
    causes = [*_strategy_causes(asked.new["spec"])]
    causes += spec_causes(asked.new["spec"]["template"]["spec"], "spec.template.spec", settings)
    if causes:
        raise invalid(*causes)


def _strategy_causes(spec: Object) -> Iterator[Cause]:
    running, strategy = spec.get("running"), spec.get("runStrategy")
    if running is not None and strategy is not None:
        message = "Running and RunStrategy are mutually exclusive"
        yield Cause(f"{message}. Note that Running is deprecated, please use RunStrategy instead", "spec.running")
    elif running is None and strategy is None:
        yield Cause("One of Running or RunStrategy must be specified", "spec.running")
    elif strategy is not None and strategy not in RUN_STRATEGIES:
        yield Cause(f"Invalid RunStrategy ({strategy})", "spec.runStrategy", "FieldValueNotSupported")


def validate_new_vmi(asked: Asked, settings: Settings) -> None:
    causes = [*spec_causes(asked.new["spec"], "spec", settings)]
    if not asked.by_kubevirt and (taken := _reserved(asked.new)):
        text = "creation of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
        causes.append(Cause(text, f"metadata.labels: {', '.join(taken)}", "FieldValueNotSupported"))
    if causes:
        raise invalid(*causes)


def validate_vmi_update(asked: Asked) -> None:
    """Users may change neither the spec nor the labels that KubeVirt works with."""
    if asked.by_kubevirt:
        return
    if asked.new.get("spec") != asked.old.get("spec"):
        raise invalid(Cause("update of VMI object is restricted", "", "FieldValueNotSupported"))
    if _reserved(asked.new) != _reserved(asked.old):
        text = "modification of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
        raise invalid(Cause(text, "metadata.labels", "FieldValueNotSupported"))


def _reserved(vmi: Object) -> dict[str, Any]:
    labels = vmi["metadata"].get("labels") or {}
    return {name: labels[name] for name in RESERVED_LABELS if name in labels}
