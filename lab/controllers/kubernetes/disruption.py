"""PodDisruptionBudgets: how many of the selected pods may be disturbed now."""

from __future__ import annotations

import math

from ...clock import timestamp
from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import POD, POD_DISRUPTION_BUDGET
from ...kube import Kube, Object
from ...labels import labels_of, selects
from .owned import is_leaving, is_over, is_ready


class DisruptionBudgets:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._budgets, self._pods = informers.of(POD_DISRUPTION_BUDGET), informers.of(POD)
        self._queue = Queue()
        self._budgets.on_change(lambda type, budget: self._queue.add(key_of(budget)))
        self._pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await run_workers("budgets", self._queue, [self._budgets, self._pods], self._reconcile, workers=1)

    def _pod_changed(self, type: str, pod: Object) -> None:
        for budget in self._budgets.items(pod["metadata"]["namespace"]):
            if selects(budget["spec"].get("selector"), labels_of(pod)):
                self._queue.add(key_of(budget))

    async def _reconcile(self, namespace: str, name: str) -> None:
        budget = self._budgets.get(namespace, name)
        if budget is None:
            return
        selector = budget["spec"].get("selector")
        pods = [pod for pod in self._pods.items(namespace) if selects(selector, labels_of(pod)) and not is_over(pod)]
        status = budget_status(budget, pods)
        old = budget.get("status") or {}
        if any(old.get(key) != value for key, value in status.items()):
            await self._kube.patch(
                POD_DISRUPTION_BUDGET, name, {"status": status}, namespace, style="merge", subresource="status"
            )


def budget_status(budget: Object, pods: list[Object]) -> Object:
    """The budget's status with these pods in view."""
    spec, expected = budget["spec"], len(pods)
    healthy = sum(1 for pod in pods if is_ready(pod) and not is_leaving(pod))
    if "maxUnavailable" in spec:
        desired = max(expected - _share(spec["maxUnavailable"], expected), 0)
    else:
        desired = _share(spec.get("minAvailable", 1), expected)
    allowed = max(healthy - desired, 0) if expected else 0
    return {
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
        "disruptionsAllowed": allowed,
        "observedGeneration": budget["metadata"].get("generation", 1),
        "conditions": [_condition(budget, allowed)],
    }


def _share(value: int | str, whole: int) -> int:
    return math.ceil(whole * int(value[:-1]) / 100) if isinstance(value, str) and value.endswith("%") else int(value)


def _condition(budget: Object, allowed: int) -> Object:
    status, reason = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    old: Object = next(iter((budget.get("status") or {}).get("conditions") or []), {})
    generation = budget["metadata"].get("generation", 1)
    since = old["lastTransitionTime"] if old.get("status") == status else timestamp()
    return {
        "type": "DisruptionAllowed",
        "status": status,
        "reason": reason,
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }
