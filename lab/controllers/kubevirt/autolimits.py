"""Limits that virt-controller gives to launchers of its own accord, since their namespace's quota asks for limits.

Source: doesVMIRequireAutoResourceLimits and doesVMIRequireAutoCPULimits in pkg/virt-controller/services/template.go,
WithAutoMemoryLimits in renderresources.go of v1.8.4. Generally available since 1.5, before behind a gate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...kube import Object
from ...labels import labels_of, selects
from .clusterconfig import ClusterConfig
from .world import World

RATIO_LABEL = "alpha.kubevirt.io/auto-memory-limits-ratio"
RATIO = 2.0


@dataclass(frozen=True)
class AutoLimits:
    """`cpu`: the container may use as many CPUs as the guest has. `memory`: by how much its limit exceeds its request;
    0 for no limit."""

    cpu: bool = False
    memory: float = 0.0


def auto_limits(vmi: Object, world: World) -> AutoLimits:
    """What a launcher of this VMI is to be given."""
    name = vmi["metadata"]["namespace"]
    namespace = world.namespaces.get("", name) or {"metadata": {"name": name}}
    return limits_of(vmi, world.quotas.items(name), namespace, world.config())


def limits_of(vmi: Object, quotas: Iterable[Object], namespace: Object, config: ClusterConfig) -> AutoLimits:
    """By the quotas of the VMI's namespace, and by the namespace's labels."""
    own = (vmi["spec"]["domain"].get("resources") or {}).get("limits") or {}
    hard = {name for quota in quotas for name in (quota.get("spec") or {}).get("hard") or {}}
    asked = hard if config.limits_follow_quotas else set()
    cpu = "limits.cpu" in asked or selects(config.limited_namespaces, labels_of(namespace))
    memory = "limits.memory" in asked and "memory" not in own
    return AutoLimits(cpu and "cpu" not in own, _ratio(namespace) if memory else 0.0)


def _ratio(namespace: Object) -> float:
    """What is no number of at least 1 in the label is ignored."""
    try:
        found = float(labels_of(namespace).get(RATIO_LABEL, RATIO))
    except ValueError:
        return RATIO
    return found if found >= 1.0 else RATIO
