"""ResourceQuotas: how much of each is used."""

from __future__ import annotations

from decimal import Decimal

from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import PERSISTENT_VOLUME_CLAIM, POD, RESOURCE_QUOTA, SERVICE
from ...kube import Kube, Object
from ...resources import Amounts, add, amount, amounts, pod_amounts, written
from .owned import is_over

COUNTED = {"pods": POD, "services": SERVICE, "persistentvolumeclaims": PERSISTENT_VOLUME_CLAIM}
PLAIN = {"cpu", "memory", "ephemeral-storage"}


class Quotas:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._quotas = informers.of(RESOURCE_QUOTA)
        self._content = {name: informers.of(kind) for name, kind in COUNTED.items()}
        self._queue = Queue()
        self._quotas.on_change(lambda type, quota: self._queue.add(key_of(quota)))
        for informer in self._content.values():
            informer.on_change(self._content_changed)

    async def run(self) -> None:
        informers = [self._quotas, *self._content.values()]
        await run_workers("quotas", self._queue, informers, self._reconcile, workers=1)

    def _content_changed(self, type: str, obj: Object) -> None:
        for quota in self._quotas.items(obj["metadata"]["namespace"]):
            self._queue.add(key_of(quota))

    async def _reconcile(self, namespace: str, name: str) -> None:
        quota = self._quotas.get(namespace, name)
        if quota is None:
            return
        hard = quota["spec"].get("hard") or {}
        content = {kind: informer.items(namespace) for kind, informer in self._content.items()}
        status = {"hard": hard, "used": used(hard, content)}
        if quota.get("status") != status:
            await self._kube.patch(
                RESOURCE_QUOTA, name, {"status": status}, namespace, style="merge", subresource="status"
            )


def used(hard: Object, content: dict[str, list[Object]]) -> dict[str, str]:
    """What of the limited resources is used, by the quota's own names for them."""
    pods = [pod for pod in content["pods"] if not is_over(pod)]
    requests, limits, storage = Amounts(), Amounts(), Amounts()
    for pod in pods:
        add(requests, pod_amounts(pod, "requests"))
        add(limits, pod_amounts(pod, "limits"))
    for claim in content["persistentvolumeclaims"]:
        add(storage, amounts(claim["spec"].get("resources", {}).get("requests")))
    counts = {**{kind: len(items) for kind, items in content.items()}, "pods": len(pods)}
    return written({name: _used(name, counts, requests, limits, storage) for name in hard})


def _used(name: str, counts: dict[str, int], requests: Amounts, limits: Amounts, storage: Amounts) -> Decimal:
    zero = amount(0)
    plain = name.removeprefix("count/").removesuffix(".")
    if plain in counts:
        return Decimal(counts[plain])
    if name == "requests.storage":
        return storage.get("storage", zero)
    kind, _, resource = name.partition(".")
    if kind == "limits":
        return limits.get(resource, zero)
    if kind == "requests":
        return requests.get(resource, zero)
    return requests.get(name, zero) if name in PLAIN else zero
