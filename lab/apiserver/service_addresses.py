"""Addresses and node ports of Services, given at the moment one is stored and taken back when it is gone."""

from __future__ import annotations

from typing import Any

from ..network import NetworkError
from .config import Addresses
from .errors import invalid
from .store import Change, Store

Object = dict[str, Any]
NODE_PORTS = range(30000, 32768)
NO_ADDRESS = "None"


class ServiceAddresses:
    """The cluster's Service addresses. `assign` completes a Service in place."""

    def __init__(self, store: Store, pool: Addresses) -> None:
        self._pool = pool
        self._ports: set[int] = set()
        store.listen(("", "services"), self._changed)

    def assign(self, service: Object, old: Object | None) -> None:
        """Give an address and node ports where they are due. Raises 422 for one that is not to be had."""
        spec = service["spec"]
        if spec["type"] == "ExternalName":
            return
        if not (old and old["spec"].get("clusterIP")):
            self._address(service)
        if spec["type"] in ("NodePort", "LoadBalancer"):
            self._node_ports(spec)

    def _address(self, service: Object) -> None:
        spec = service["spec"]
        wanted = spec.get("clusterIP") or None
        if wanted == NO_ADDRESS:
            spec["clusterIPs"] = [NO_ADDRESS]
            return
        try:
            spec["clusterIP"] = self._pool.take(wanted)
        except NetworkError as error:
            why = f'Invalid value: ["{wanted}"]: failed to allocate IP {wanted}: {error}'
            name = service["metadata"]["name"]
            raise invalid("", "Service", name, [("spec.clusterIPs", "FieldValueInvalid", why)]) from error
        spec["clusterIPs"] = [spec["clusterIP"]]

    def _node_ports(self, spec: Object) -> None:
        for port in spec.get("ports") or ():
            if not port.get("nodePort"):
                port["nodePort"] = next(number for number in NODE_PORTS if number not in self._ports)
            self._ports.add(port["nodePort"])

    def _changed(self, change: Change) -> None:
        old = change.old.obj if change.old else None
        if change.type != "DELETED" or old is None:
            return
        address = old["spec"].get("clusterIP")
        if address and address != NO_ADDRESS:
            self._pool.release(address)
        self._ports -= {port.get("nodePort", 0) for port in old["spec"].get("ports") or ()}
