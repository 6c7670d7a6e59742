"""Pod affinity and anti-affinity: which company a pod seeks and shuns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ...kube import Object
from ...labels import Labels, labels_of, selects

REQUIRED, PREFERRED = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


@dataclass(frozen=True)
class Snapshot:
    """The cluster as the scheduler sees it: nodes, the pods on them, and the labels of namespaces."""

    nodes: list[Object]
    placed: Mapping[str, Iterable[Object]]
    namespaces: Mapping[str, Labels] = field(default_factory=dict)

    def pods(self) -> Iterator[tuple[Object, Object]]:
        """(pod, its node)."""
        for node in self.nodes:
            for pod in self.placed.get(node["metadata"]["name"], []):
                yield pod, node

    @cached_property
    def shy(self) -> list[tuple[Object, Object]]:
        """Those of the pods that keep others away."""
        return [(pod, node) for pod, node in self.pods() if _terms(pod, "podAntiAffinity")]


@dataclass(frozen=True)
class Problem:
    reason: str
    for_good: bool


def affinity_problem(pod: Object, node: Object, snapshot: Snapshot) -> Problem | None:
    """Why the pods that are there keep `pod` off `node`."""
    if not all(_has_company(term, pod, node, snapshot) for term in _terms(pod, "podAffinity")):
        return Problem("node(s) didn't match pod affinity rules", True)
    for term in _terms(pod, "podAntiAffinity"):
        if any(
            _same_place(term, node, where) and _meant(term, pod, other, snapshot) for other, where in snapshot.pods()
        ):
            return Problem("node(s) didn't match pod anti-affinity rules", False)
    for other, where in snapshot.shy:
        for term in _terms(other, "podAntiAffinity"):
            if _same_place(term, node, where) and _meant(term, other, pod, snapshot):
                return Problem("node(s) didn't satisfy existing pods anti-affinity rules", False)
    return None


def affinity_score(pod: Object, node: Object, snapshot: Snapshot) -> float:
    """The weight of preferred company on the node, less that of unwanted company."""
    score = 0.0
    for kind, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
        for wish in _affinity(pod, kind).get(PREFERRED) or []:
            term = wish["podAffinityTerm"]
            count = sum(
                1
                for other, where in snapshot.pods()
                if _same_place(term, node, where) and _meant(term, pod, other, snapshot)
            )
            score += sign * wish["weight"] * count
    return score


def _has_company(term: Object, pod: Object, node: Object, snapshot: Snapshot) -> bool:
    meant = [where for other, where in snapshot.pods() if _meant(term, pod, other, snapshot)]
    if not meant:
        # The first of a group that seeks its own kind may go anywhere.
        return _meant(term, pod, pod, snapshot) and term["topologyKey"] in labels_of(node)
    return any(_same_place(term, node, where) for where in meant)


def _same_place(term: Object, one: Object, other: Object) -> bool:
    key = term["topologyKey"]
    value = labels_of(one).get(key)
    return value is not None and value == labels_of(other).get(key)


def _meant(term: Object, owner: Object, other: Object, snapshot: Snapshot) -> bool:
    """Whether `other` is one of the pods that a term of `owner` speaks of."""
    namespace = other["metadata"]["namespace"]
    return _in_namespaces(term, owner, namespace, snapshot) and selects(term.get("labelSelector"), labels_of(other))


def _in_namespaces(term: Object, owner: Object, namespace: str, snapshot: Snapshot) -> bool:
    named, selector = term.get("namespaces") or [], term.get("namespaceSelector")
    if not named and selector is None:
        return bool(namespace == owner["metadata"]["namespace"])
    return namespace in named or selects(selector, snapshot.namespaces.get(namespace, {}))


def _terms(pod: Object, kind: str) -> list[Object]:
    terms: list[Object] = _affinity(pod, kind).get(REQUIRED) or []
    return terms


def _affinity(pod: Object, kind: str) -> Object:
    affinity: Object = (pod["spec"].get("affinity") or {}).get(kind) or {}
    return affinity
