"""Which MigrationPolicy holds for a VMI, and what it makes of the cluster's migration configuration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...kube import Object
from ...release import Release

KNOBS = (
    "allowAutoConverge",
    "bandwidthPerMigration",
    "completionTimeoutPerGiB",
    "allowPostCopy",
    "allowWorkloadDisruption",
    "maxDowntimeMs",
    "experimental",
)


def match(policies: Iterable[Object], vmi_labels: dict[str, str], namespace_labels: dict[str, str]) -> Object | None:
    """The policy with the most matching labels; then with the most of the VMI's; then the first by name."""
    ranked = []
    for policy in policies:
        score = _score(policy, vmi_labels, namespace_labels)
        if score is not None:
            ranked.append((-score[0], -score[1], policy["metadata"]["name"], policy))
    return min(ranked, key=lambda entry: entry[:3])[3] if ranked else None


def apply(configuration: dict[str, Any], policy: Object | None, release: Release) -> tuple[dict[str, Any], str | None]:
    """The configuration under the policy, and the policy's name where the release records it."""
    if policy is None:
        return dict(configuration), None
    knobs = {name: policy["spec"][name] for name in KNOBS if name in policy["spec"]}
    if release.has_workload_disruption and "allowPostCopy" in knobs:
        knobs.setdefault("allowWorkloadDisruption", knobs["allowPostCopy"])
    known = {name: value for name, value in knobs.items() if release.knows_knob(name)}
    recorded = bool(known) or release.records_every_policy
    return {**configuration, **known}, policy["metadata"]["name"] if recorded else None


def _score(policy: Object, vmi_labels: dict[str, str], namespace_labels: dict[str, str]) -> tuple[int, int] | None:
    """(all matching labels, the VMI's among them), or None when the policy does not match."""
    selectors = policy["spec"].get("selectors")
    if selectors is None:
        return None
    of_vmi = selectors.get("virtualMachineInstanceSelector") or {}
    of_namespace = selectors.get("namespaceSelector") or {}
    if of_vmi.items() <= vmi_labels.items() and of_namespace.items() <= namespace_labels.items():
        return len(of_vmi) + len(of_namespace), len(of_vmi)
    return None
