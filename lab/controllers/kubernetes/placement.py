"""Where a pod can go: the scheduler's filters and scores, as pure functions over a snapshot of the cluster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...kube import Object
from ...labels import has_labels, labels_of, node_matches, node_term_matches
from ...resources import Amounts, add, amount, amounts, pod_amounts
from .podaffinity import Snapshot, affinity_problem, affinity_score

NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"
NODE_CHANGED = "node(s) didn't match the requested node name"


@dataclass(frozen=True)
class Refusal:
    """Why a node does not take a pod. `for_good`: evicting other pods would not help."""

    reasons: tuple[str, ...]
    for_good: bool = True


@dataclass
class Room:
    """What is taken on a node."""

    pods: int = 0
    taken: Amounts = field(default_factory=dict)

    def take(self, asked: Amounts) -> None:
        self.pods += 1
        add(self.taken, asked)

    def give_back(self, asked: Amounts) -> None:
        self.pods -= 1
        add(self.taken, {name: -value for name, value in asked.items()})


Filter = Callable[[Object, Object, Snapshot, Room], Refusal | None]


@dataclass(frozen=True)
class Placement:
    """The scheduler's answer: a node, or the message that says why there is none."""

    node: str | None
    message: str = ""


def place(pod: Object, snapshot: Snapshot, rooms: Mapping[str, Room]) -> Placement:
    """Choose a node for the pod."""
    refusals: dict[str, Refusal] = {}
    fitting: list[Object] = []
    for node in snapshot.nodes:
        name = node["metadata"]["name"]
        refusal = _refusal(pod, node, snapshot, rooms.get(name) or Room())
        if refusal:
            refusals[name] = refusal
        else:
            fitting.append(node)
    if not fitting:
        return Placement(None, unschedulable(refusals, len(snapshot.nodes)))
    best = max(fitting, key=lambda node: _rank(pod, node, snapshot, rooms))
    return Placement(best["metadata"]["name"])


def unschedulable(refusals: Mapping[str, Refusal], nodes: int) -> str:
    """kube-scheduler's message (1.36) when no node takes a pod."""
    if not nodes:
        return "no nodes available to schedule pods"
    reasons = Counter(reason for refusal in refusals.values() for reason in refusal.reasons)
    preemption = Counter(NOT_HELPFUL if refusal.for_good else NO_VICTIMS for refusal in refusals.values())
    none = f"0/{nodes} nodes are available"
    return f"{none}: {_counted(reasons)}. {_preemption(none, preemption)}"


def blocked(reason: str, nodes: int) -> str:
    """The message when something about the pod itself keeps it from every node."""
    none = f"0/{nodes} nodes are available"
    return f"{none}: {reason}. {_preemption(none, Counter({NOT_HELPFUL: nodes}))}"


def _preemption(none: str, reasons: Counter[str]) -> str:
    return f"no new claims to deallocate, preemption: {none}: {_counted(reasons)}."


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))


def _refusal(pod: Object, node: Object, snapshot: Snapshot, room: Room) -> Refusal | None:
    return next((found for check in _FILTERS if (found := check(pod, node, snapshot, room))), None)


def _unschedulable(pod: Object, node: Object, snapshot: Snapshot, room: Room) -> Refusal | None:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    if node.get("spec", {}).get("unschedulable") and not tolerated(pod, taint):
        return Refusal(("node(s) were unschedulable",))
    return None


def _tainted(pod: Object, node: Object, snapshot: Snapshot, room: Room) -> Refusal | None:
    for taint in node.get("spec", {}).get("taints") or []:
        if taint["effect"] in ("NoSchedule", "NoExecute") and not tolerated(pod, taint):
            return Refusal(("node(s) had untolerated taint(s)",))
    return None


def tolerated(pod: Object, taint: Mapping[str, str]) -> bool:
    return any(tolerates(toleration, taint) for toleration in pod["spec"].get("tolerations") or [])


def tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    """Whether one toleration is of this taint."""
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("key") not in (None, "", taint["key"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")


def _other_node(pod: Object, node: Object, snapshot: Snapshot, room: Room) -> Refusal | None:
    return None if matches_node(pod, node) else Refusal(("node(s) didn't match Pod's node affinity/selector",))


def matches_node(pod: Object, node: Object) -> bool:
    """Whether the pod's nodeSelector and required node affinity admit the node."""
    if not has_labels(pod["spec"].get("nodeSelector"), labels_of(node)):
        return False
    required = _node_affinity(pod).get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or node_matches(required["nodeSelectorTerms"], node)


def _too_full(pod: Object, node: Object, snapshot: Snapshot, room: Room) -> Refusal | None:
    allocatable = amounts(node.get("status", {}).get("allocatable"))
    reasons, for_good = [], False
    if room.pods + 1 > allocatable.get("pods", amount(110)):
        reasons.append("Too many pods")
    for name, asked in pod_amounts(pod, "requests").items():
        whole = allocatable.get(name, amount(0))
        if asked and asked > whole - room.taken.get(name, amount(0)):
            reasons.append(f"Insufficient {name}")
            for_good = for_good or asked > whole
    return Refusal(tuple(reasons), for_good) if reasons else None


def _wrong_company(pod: Object, node: Object, snapshot: Snapshot, room: Room) -> Refusal | None:
    problem = affinity_problem(pod, node, snapshot)
    return Refusal((problem.reason,), problem.for_good) if problem else None


_FILTERS: tuple[Filter, ...] = (_unschedulable, _tainted, _other_node, _too_full, _wrong_company)


def _rank(
    pod: Object, node: Object, snapshot: Snapshot, rooms: Mapping[str, Room]
) -> tuple[float, float, int, list[int]]:
    """Preferences first, then the emptier node, then the first by name."""
    name = node["metadata"]["name"]
    room = rooms.get(name) or Room()
    wishes = 2 * _node_wishes(pod, node) + 2 * affinity_score(pod, node, snapshot) - 3 * _soft_taints(pod, node)
    return wishes, _free(node, room), -room.pods, [-ord(letter) for letter in name]


def _node_wishes(pod: Object, node: Object) -> float:
    wishes = _node_affinity(pod).get("preferredDuringSchedulingIgnoredDuringExecution") or []
    return float(sum(wish["weight"] for wish in wishes if node_term_matches(wish["preference"], node)))


def _soft_taints(pod: Object, node: Object) -> int:
    taints = node.get("spec", {}).get("taints") or []
    return sum(1 for taint in taints if taint["effect"] == "PreferNoSchedule" and not tolerated(pod, taint))


def _free(node: Object, room: Room) -> float:
    """The share of CPU and memory that is free, in tenths: small differences do not outweigh the number of pods."""
    allocatable = amounts(node.get("status", {}).get("allocatable"))
    shares = [
        1 - room.taken.get(name, amount(0)) / allocatable[name] for name in ("cpu", "memory") if name in allocatable
    ]
    return round(float(sum(shares)) * 5) if shares else 0.0


def _node_affinity(pod: Object) -> Object:
    affinity: Object = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    return affinity
