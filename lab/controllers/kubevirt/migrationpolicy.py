"""Which MigrationPolicy holds for a VMI, and what it makes of the cluster's migration configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...kube import Object
from ...release import Release

Labels = dict[str, str]
EXPERIMENTAL = "experimental"
KNOBS = (
    "allowAutoConverge",
    "bandwidthPerMigration",
    "completionTimeoutPerGiB",
    "allowPostCopy",
    "allowWorkloadDisruption",
    "maxDowntimeMs",
    EXPERIMENTAL,
)


@dataclass(frozen=True)
class Candidate:
    """A policy that matches, and by how many labels."""

    policy: Object
    of_vmi: int
    of_namespace: int

    @property
    def name(self) -> str:
        name: str = self.policy["metadata"]["name"]
        return name


Rank = Callable[[Candidate], tuple[Any, ...]]


def precedence(candidate: Candidate) -> tuple[Any, ...]:
    """Most matching labels first; then most of the VMI's; then the name."""
    return -candidate.of_vmi - candidate.of_namespace, -candidate.of_vmi, candidate.name


def match(
    policies: Iterable[Object], vmi_labels: Labels, namespace_labels: Labels, rank: Rank = precedence
) -> Object | None:
    """The policy that holds, if any: of those that match, the first by rank.

    As in KubeVirt, a VMI without any label matches whatever is selected; one that runs has labels.
    """
    found = [it for policy in policies if (it := _candidate(policy, vmi_labels, namespace_labels))]
    return min(found, key=rank).policy if found else None


def apply(configuration: dict[str, Any], policy: Object | None, release: Release) -> tuple[dict[str, Any], str | None]:
    """The configuration under the policy, and the policy's name where the release records it."""
    if policy is None:
        return dict(configuration), None
    knobs = {name: policy["spec"][name] for name in KNOBS if name in policy["spec"]}
    if release.has_workload_disruption and "allowPostCopy" in knobs:
        knobs.setdefault("allowWorkloadDisruption", knobs["allowPostCopy"])
    known = {name: value for name, value in knobs.items() if release.knows_knob(name)}
    recorded = bool(known) or release.records_every_policy
    if EXPERIMENTAL in known:
        known[EXPERIMENTAL] = _merged(configuration.get(EXPERIMENTAL) or {}, known[EXPERIMENTAL])
    return {**configuration, **known}, policy["metadata"]["name"] if recorded else None


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`, object by object."""
    both = {name: _merged(base[name], over[name]) for name in base.keys() & over if isinstance(over[name], dict)}
    return {**base, **over, **both}


def _candidate(policy: Object, vmi_labels: Labels, namespace_labels: Labels) -> Candidate | None:
    """The policy as a candidate; None when it does not match."""
    selectors = policy["spec"].get("selectors")
    if selectors is None:
        return None
    if not vmi_labels:
        return Candidate(policy, 0, 0)
    of_vmi = selectors.get("virtualMachineInstanceSelector") or {}
    of_namespace = selectors.get("namespaceSelector") or {}
    if of_vmi.items() <= vmi_labels.items() and of_namespace.items() <= namespace_labels.items():
        return Candidate(policy, len(of_vmi), len(of_namespace))
    return None
