"""What virt-api makes of VMs and VMIs that are created or changed.

Source: pkg/virt-api/webhooks/mutating-webhook and validating-webhook at v1.3.1 to v1.9.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ....clock import timestamp
from ....copies import copied
from ....kube import Object
from ..names import CREATED_BY, JOB_UID, MIGRATION_TARGET_NODE, NODE_NAME, SCHEDULABLE
from ..objects import migration_state, status
from .defaults import default_spec, default_vm_template, default_vmi, first_status
from .review import Allowed, Asked, Cause, invalid, put
from .settings import Settings
from .spec_networks import discontinued_causes
from .specs import spec_causes, vmi_only_causes
from .structure import check_structure

RUN_STRATEGIES = ("Always", "Halted", "Manual", "RerunOnFailure", "Once")
WAIT_AS_RECEIVER = "WaitAsReceiver"
RECEIVER_GATE = "DecentralizedLiveMigration"
RESERVED_LABELS = (
    CREATED_BY,
    JOB_UID,
    NODE_NAME,
    MIGRATION_TARGET_NODE,
    SCHEDULABLE,
    "kubevirt.io/install-strategy",
)
RESERVED = "of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
NON_ROOT_USER = 107
HANDLER = "kubevirt-handler"


def mutate_vm(asked: Asked, settings: Settings) -> Allowed:
    """Defaults of the template that must not change from one start to the next."""
    if "deletionTimestamp" in asked.new["metadata"]:
        return Allowed()
    check_structure(asked.new, settings.release)
    spec = copied(asked.new["spec"])
    spec["template"].setdefault("spec", {"domain": {"devices": {}}})
    default_vm_template(spec["template"], settings, new=asked.operation == "CREATE")
    return Allowed([put("/spec", spec)] if spec != asked.new["spec"] else [])


def mutate_vmi(asked: Asked, settings: Settings) -> Allowed:
    """On creation defaults and a first status; on a user's update the status that was there before."""
    if asked.operation == "CREATE":
        check_structure(asked.new, settings.release)
        return Allowed(_new_vmi(asked.new, settings))
    if asked.by_kubevirt or asked.new.get("status") == asked.old.get("status"):
        return Allowed()
    if "status" in asked.old:
        return Allowed([put("/status", asked.old["status"])])
    return Allowed([{"op": "remove", "path": "/status"}])


def _new_vmi(new: Object, settings: Settings) -> list[Object]:
    vmi = copied(new)
    default_vmi(vmi, settings)
    metadata = vmi["metadata"]
    finalizer = settings.release.vmi_finalizer
    metadata["finalizers"] = [*(metadata.get("finalizers") or []), finalizer]
    first = {
        **status(vmi),
        "phase": "Pending",
        "phaseTransitionTimestamps": [{"phase": "Pending", "phaseTransitionTimestamp": timestamp()}],
        "guestOSInfo": {},
        "runtimeUser": 0 if settings.gate_is_on("Root") else NON_ROOT_USER,
        **first_status(vmi["spec"]["domain"]),
    }
    return [put("/spec", vmi["spec"]), put("/metadata", metadata), put("/status", first)]


def validate_vm(asked: Asked, settings: Settings) -> Allowed:
    """Raises Denied with every cause. The spec is judged as its VMI would have it."""
    if "deletionTimestamp" in asked.new["metadata"]:
        return Allowed()
    spec = copied(asked.new["spec"])
    template = spec["template"]
    default_spec(template["spec"], settings)
    if asked.operation == "CREATE" and (causes := [*discontinued_causes(template["spec"], "spec")]):
        raise invalid(*causes)
    causes = [*_label_causes(template.get("metadata") or {}, "spec.template.metadata", asked)]
    causes += spec_causes(template["spec"], "spec.template.spec", settings)
    causes += _data_volume_causes(spec)
    causes += _strategy_causes(spec, settings)
    if causes:
        raise invalid(*causes)
    return Allowed(warnings=[*_deprecations(spec, settings)])


def _data_volume_causes(spec: Object) -> Iterator[Cause]:
    volumes = spec["template"]["spec"].get("volumes") or []
    used = {volume["dataVolume"]["name"] for volume in volumes if "dataVolume" in volume}
    used |= {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume}
    for index, template in enumerate(spec.get("dataVolumeTemplates") or []):
        if (template.get("metadata") or {}).get("name") not in used:
            place = f"spec.dataVolumeTemplate[{index}]"
            text = f"DataVolumeTemplate entry {place} must be referenced in the VMI template's 'volumes' list"
            yield Cause(text, place)


def _strategy_causes(spec: Object, settings: Settings) -> Iterator[Cause]:
    running, strategy = spec.get("running"), spec.get("runStrategy")
    newer = settings.release.deprecates_running
    if running is not None and strategy is not None:
        hint = ". Note that Running is deprecated, please use RunStrategy instead" if newer else ""
        yield Cause(f"Running and RunStrategy are mutually exclusive{hint}", "spec.running")
    if running is None and strategy is None:
        names = "RunStrategy" if newer else "One of Running or RunStrategy"
        yield Cause(f"{names} must be specified", "spec.running")
    if strategy == WAIT_AS_RECEIVER and settings.release.has_wait_as_receiver:
        if not settings.gate_is_on(RECEIVER_GATE):
            text = f"Invalid RunStrategy ({strategy}), {RECEIVER_GATE} feature gate is not enabled in kubevirt resource"
            yield Cause(text, "spec.runStrategy")
    elif strategy is not None and strategy not in RUN_STRATEGIES:
        yield Cause(f"Invalid RunStrategy ({strategy})", "spec.runStrategy")


def _deprecations(spec: Object, settings: Settings) -> Iterator[str]:
    if spec.get("running") is not None and settings.release.deprecates_running:
        yield "spec.running is deprecated, please use spec.runStrategy instead."


def validate_new_vmi(asked: Asked, settings: Settings) -> Allowed:
    spec = asked.new["spec"]
    causes = [*discontinued_causes(spec, "spec"), *spec_causes(spec, "spec", settings), *vmi_only_causes(spec)]
    causes += _label_causes(asked.new["metadata"], "metadata", asked)
    if causes:
        raise invalid(*causes)
    return Allowed()


def validate_vmi_update(asked: Asked, settings: Settings) -> Allowed:
    """Users may change neither the spec nor the labels that KubeVirt works with."""
    if asked.component == HANDLER and settings.gate_is_on("NodeRestriction"):
        _check_node(asked)
    if asked.by_kubevirt:
        return Allowed()
    if asked.new.get("spec") != asked.old.get("spec"):
        raise invalid(Cause("update of VMI object is restricted", "", "FieldValueNotSupported"))
    if _reserved(asked.new["metadata"]) != _reserved(asked.old["metadata"]):
        raise invalid(Cause(f"modification {RESERVED}", "", "FieldValueNotSupported"))
    return Allowed()


def _check_node(asked: Asked) -> None:
    """A virt-handler touches only VMIs that its node runs or receives, and chooses no node itself."""
    if not asked.node:
        text = "Node restriction failed, virt-handler service account is missing node name"
        raise invalid(Cause(text))
    target = migration_state(asked.old).get("targetNode", "")
    if asked.node not in (status(asked.old).get("nodeName", ""), target):
        raise invalid(Cause("Node restriction, virt-handler is only allowed to modify VMIs it owns"))
    if not target and migration_state(asked.new).get("targetNode"):
        raise invalid(Cause("Node restriction, virt-handler is not allowed to set target node"))


def _label_causes(metadata: Object, at: str, asked: Asked) -> Iterator[Cause]:
    if _reserved(metadata) and not asked.by_kubevirt:
        yield Cause(f"creation {RESERVED}", f"{at}.labels", "FieldValueNotSupported")


def _reserved(metadata: Object) -> dict[str, Any]:
    labels = metadata.get("labels") or {}
    return {name: labels[name] for name in RESERVED_LABELS if name in labels}
