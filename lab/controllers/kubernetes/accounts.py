"""What every namespace is born with: the `default` ServiceAccount and the cluster's certificate."""

from __future__ import annotations

from pathlib import Path

from ...informer import Informers, Queue, run_workers
from ...kinds import CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT
from ...kube import ApiError, Kind, Kube, Object

ACCOUNT, CERTIFICATE = "default", "kube-root-ca.crt"


class Accounts:
    def __init__(self, kube: Kube, informers: Informers, certificate: Path) -> None:
        self._kube, self._certificate = kube, certificate
        self._namespaces = informers.of(NAMESPACE)
        self._accounts, self._maps = informers.of(SERVICE_ACCOUNT), informers.of(CONFIG_MAP)
        self._queue = Queue()
        self._namespaces.on_change(lambda type, item: self._queue.add(("", item["metadata"]["name"])))
        self._accounts.on_change(self._content_changed)
        self._maps.on_change(self._content_changed)

    async def run(self) -> None:
        informers = [self._namespaces, self._accounts, self._maps]
        await run_workers("accounts", self._queue, informers, self._reconcile)

    def _content_changed(self, type: str, obj: Object) -> None:
        if type == "DELETED" and obj["metadata"]["name"] in (ACCOUNT, CERTIFICATE):
            self._queue.add(("", obj["metadata"]["namespace"]))

    async def _reconcile(self, _: str, name: str) -> None:
        namespace = self._namespaces.get("", name)
        if namespace is None or "deletionTimestamp" in namespace["metadata"]:
            return
        if self._accounts.get(name, ACCOUNT) is None:
            await self._create(SERVICE_ACCOUNT, name, {"metadata": {"name": ACCOUNT}})
        if self._maps.get(name, CERTIFICATE) is None:
            data = {"ca.crt": self._certificate.read_text()}
            await self._create(CONFIG_MAP, name, {"metadata": {"name": CERTIFICATE}, "data": data})

    async def _create(self, kind: Kind, namespace: str, body: Object) -> None:
        try:
            await self._kube.create(kind, body, namespace)
        except ApiError as error:
            if error.code not in (404, 409):
                raise
