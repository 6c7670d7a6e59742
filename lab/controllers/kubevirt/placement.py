"""Where a launcher pod may run: node selectors and affinity, of the first launcher and of a migration's target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...copies import copied
from ...kube import Object
from ...release import Release
from . import names
from .objects import labels, status, uid

CPU_FEATURE = "cpu-feature.node.kubevirt.io/"
CPU_MODEL = "cpu-model.node.kubevirt.io/"
CPU_MODEL_MIGRATION = "cpu-model-migration.node.kubevirt.io/"
CPU_VENDOR = "cpu-vendor.node.kubevirt.io/"
HOST_MODEL = "host-model-cpu.node.kubevirt.io/"
HOST_MODEL_FEATURE = "host-model-required-features.node.kubevirt.io/"
HYPERV = "hyperv.node.kubevirt.io/"
MACHINE_TYPE = "machine-type.node.kubevirt.io/"
OBSOLETE_HOST_MODEL = "node-labeller.kubevirt.io/obsolete-host-model"
HYPERV_NEEDS = ("evmcs", "frequencies", "ipi", "reenlightenment", "reset", "runtime", "synic", "synictimer", "tlbflush")


def node_selector(vmi: Object, release: Release, cluster_wide: dict[str, str]) -> dict[str, str]:
    """The first launcher's node selector."""
    domain = vmi["spec"]["domain"]
    chosen = {**cluster_wide, **(vmi["spec"].get("nodeSelector") or {})}
    chosen["kubernetes.io/arch"] = vmi["spec"].get("architecture") or "amd64"
    chosen[names.SCHEDULABLE] = "true"
    if release.selects_machine_type and (machine := _machine_type(vmi)):
        chosen[MACHINE_TYPE + machine] = "true"
    chosen.update(_cpu_selector(domain.get("cpu") or {}, release))
    hyperv = (domain.get("features") or {}).get("hyperv") or {}
    wanted = [name for name in HYPERV_NEEDS if (hyperv.get(name) or {}).get("enabled", name in hyperv)]
    chosen.update({HYPERV + name: "true" for name in wanted})
    return dict(sorted(chosen.items()))


def target_selector(
    vmi: Object,
    release: Release,
    cluster_wide: dict[str, str],
    added: dict[str, str],
    source_node: Object | None,
    source_pod: Object,
) -> dict[str, str]:
    """A target's node selector: the first launcher's, and what keeps the guest's CPU the same."""
    chosen = {**added, **node_selector(vmi, release, cluster_wide)}
    node_labels = labels(source_node) if source_node else {}
    if release.selects_cpu_vendor:
        chosen.update({key: "true" for key in node_labels if key.startswith(CPU_VENDOR)})
    if is_host_model(vmi):
        chosen.update(_host_model_selector(node_labels, source_pod["spec"].get("nodeSelector") or {}))
    return dict(sorted(chosen.items()))


def is_host_model(vmi: Object) -> bool:
    cpu = vmi["spec"]["domain"].get("cpu") or {}
    return str(cpu.get("model", "host-model")) == "host-model"


def affinity(vmi: Object, *, target: bool) -> Object:
    """The VMI's affinity with KubeVirt's additions: a target never shares a node with another pod of its VMI."""
    merged: dict[str, Any] = copied(vmi["spec"].get("affinity") or {})
    if is_host_model(vmi):
        _require_on_node(merged, {"key": OBSOLETE_HOST_MODEL, "operator": "DoesNotExist"})
    if target:
        term = {
            "labelSelector": {"matchLabels": {names.CREATED_BY: uid(vmi)}},
            "topologyKey": "kubernetes.io/hostname",
        }
        anti = merged.setdefault("podAntiAffinity", {})
        anti.setdefault("requiredDuringSchedulingIgnoredDuringExecution", []).append(term)
    return merged


def _require_on_node(merged: dict[str, Any], expression: dict[str, Any]) -> None:
    node = merged.setdefault("nodeAffinity", {})
    required = node.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {"nodeSelectorTerms": [{}]})
    for term in required["nodeSelectorTerms"]:
        term.setdefault("matchExpressions", []).append(expression)


def _machine_type(vmi: Object) -> str:
    resolved = (status(vmi).get("machine") or {}).get("type")
    asked = (vmi["spec"]["domain"].get("machine") or {}).get("type", "")
    return str(resolved or asked)


def _cpu_selector(cpu: dict[str, Any], release: Release) -> dict[str, str]:
    chosen = {}
    model = cpu.get("model", "host-model")
    if model not in ("host-model", "host-passthrough"):
        chosen[CPU_MODEL + model] = "true"
    needed = [item["name"] for item in cpu.get("features") or [] if item.get("policy", "require") in ("require", "")]
    chosen.update({CPU_FEATURE + name: "true" for name in needed})
    if cpu.get("dedicatedCpuPlacement"):
        chosen[release.cpu_manager_label] = "true"
    if cpu.get("realtime") is not None:
        chosen["kubevirt.io/realtime"] = ""
    return chosen


def _host_model_selector(node_labels: dict[str, str], source_selector: dict[str, str]) -> dict[str, str]:
    """A second migration keeps the first one's selectors, so that the guest can return to where it started."""
    if any(key.startswith(CPU_MODEL_MIGRATION) for key in source_selector):
        kept = (CPU_MODEL_MIGRATION, CPU_FEATURE)
        return {key: value for key, value in source_selector.items() if key.startswith(kept)}
    models = [key.removeprefix(HOST_MODEL) for key in node_labels if key.startswith(HOST_MODEL)]
    features = [key.removeprefix(HOST_MODEL_FEATURE) for key in node_labels if key.startswith(HOST_MODEL_FEATURE)]
    return {CPU_MODEL_MIGRATION + name: "true" for name in models} | {CPU_FEATURE + name: "true" for name in features}


def missing_cpu(vmi: Object, target: Object, nodes: Iterable[Object]) -> str:
    """What a host-model guest's target asks of a CPU, if no node but the guest's own has it (as Go prints a map)."""
    if not is_host_model(vmi):
        return ""
    asked = target["spec"].get("nodeSelector") or {}
    wanted = {key: value for key, value in sorted(asked.items()) if key.startswith((CPU_MODEL_MIGRATION, CPU_FEATURE))}
    others = (node for node in nodes if node["metadata"]["name"] != status(vmi).get("nodeName"))
    if any(wanted.items() <= labels(node).items() for node in others):
        return ""
    return f"map[{' '.join(f'{key}:{value}' for key, value in wanted.items())}]"
