"""kube-proxy: Services' addresses answer, and lead to pods that are ready.

One proxy serves the whole lab, since all its nodes share one loopback interface. Where no pod is ready nobody
listens, so that a caller is refused at once, as on a cluster.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from dataclasses import dataclass
from functools import partial

from ..defects import Defects
from ..events import Recorder
from ..informer import Informers, Queue, key_of, run_workers
from ..kinds import ENDPOINT_SLICE, SERVICE
from ..kube import Kube, Object
from ..labels import labels_of
from .servicefaults import Faults
from .splice import Splice

log = logging.getLogger(__name__)
SERVICE_NAME = "kubernetes.io/service-name"


@dataclass(frozen=True)
class Backend:
    host: str
    port: int


class Listener:
    """One port of one Service. Backends take turns."""

    def __init__(self, address: str, port: int, defects: Defects | None = None) -> None:
        self.address, self.port = address, port
        self.backends: list[Backend] = []
        self._faults = Faults(defects or Defects())
        self._server: asyncio.Server | None = None
        self._turn = 0

    async def serve(self, backends: list[Backend]) -> None:
        """Lead to `backends` from now on. Raises OSError when the port cannot be had."""
        self.backends = backends
        self._faults.leads_to(backends)
        if not backends:
            await self.close()
        elif self._server is None:
            loop = asyncio.get_running_loop()
            splice = partial(Splice, self._next, self._faults.delay)
            self._server = await loop.create_server(splice, self.address, self.port)

    async def close(self) -> None:
        self.backends = []
        if self._server:
            self._server.close()
            self._server = None

    def _next(self) -> tuple[str, int] | None:
        if not self.backends or self._faults.drops():
            return None
        self._turn += 1
        backend = self.backends[self._turn % len(self.backends)]
        return backend.host, backend.port


class ServiceProxy:
    def __init__(self, kube: Kube, informers: Informers, defects: Defects) -> None:
        self._defects = defects
        self._services, self._slices = informers.of(SERVICE), informers.of(ENDPOINT_SLICE)
        self._queue = Queue()
        self._recorder = Recorder(kube, "kube-proxy")
        self._listeners: dict[tuple[str, str], dict[tuple[str, int], Listener]] = {}
        self._services.on_change(lambda type, service: self._queue.add(key_of(service)))
        self._slices.on_change(self._slice_changed)

    async def run(self) -> None:
        try:
            await run_workers("kube-proxy", self._queue, [self._services, self._slices], self._reconcile, workers=1)
        finally:
            for listeners in self._listeners.values():
                for listener in listeners.values():
                    await listener.close()

    def _slice_changed(self, type: str, item: Object) -> None:
        if name := labels_of(item).get(SERVICE_NAME):
            self._queue.add((item["metadata"]["namespace"], name))

    async def _reconcile(self, namespace: str, name: str) -> None:
        service = self._services.get(namespace, name)
        wanted = {
            (str(service["spec"]["clusterIP"]), int(port["port"])): port
            for port in (service["spec"].get("ports") or [] if service and _has_address(service) else [])
            if service and port.get("protocol", "TCP") == "TCP"
        }
        listeners = self._listeners.setdefault((namespace, name), {})
        for where in listeners.keys() - wanted.keys():
            await listeners.pop(where).close()
        for where, port in wanted.items():
            listener = listeners.setdefault(where, Listener(*where, self._defects))
            try:
                await listener.serve(self._backends(namespace, name, port.get("name", "")))
            except OSError as error:
                assert service is not None
                self._refused(service, listener, error)
        if not listeners:
            del self._listeners[(namespace, name)]

    def _backends(self, namespace: str, name: str, port_name: str) -> list[Backend]:
        slices = [item for item in self._slices.items(namespace) if labels_of(item).get(SERVICE_NAME) == name]
        return [
            Backend(address, port["port"])
            for item in slices
            for port in item.get("ports") or []
            if port.get("name", "") == port_name
            for endpoint in item.get("endpoints") or []
            if endpoint.get("conditions", {}).get("ready")
            for address in endpoint["addresses"]
        ]

    def _refused(self, service: Object, listener: Listener, error: OSError) -> None:
        """A port below 1024 needs a privilege that a lab does not ask for; the Service says so."""
        where = f"{listener.address}:{listener.port}"
        privileged = " (ports below 1024 need root)" if error.errno == errno.EACCES else ""
        text = f"nobody listens on {where}: {error.strerror or error}{privileged}"
        log.debug("%s/%s: %s", *key_of(service), text)
        self._recorder.event(service, "Warning", "FailedToListen", text)


def _has_address(service: Object) -> bool:
    return service["spec"].get("clusterIP", "None") not in ("None", "")
