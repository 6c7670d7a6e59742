"""Which pods are on which node and what room they take, kept up to date pod by pod: nothing is counted anew for each
pod that is to be placed."""

from __future__ import annotations

from collections.abc import Iterable

from ...kube import Object
from ...resources import Amounts, pod_amounts
from .placement import Room


class Occupancy:
    """Pods that have a node and have not ended."""

    def __init__(self) -> None:
        self.rooms: dict[str, Room] = {}
        self._pods: dict[str, dict[str, Object]] = {}
        self._places: dict[str, tuple[str, Amounts]] = {}

    @property
    def pods(self) -> dict[str, Iterable[Object]]:
        """The pods by node."""
        return {node: pods.values() for node, pods in self._pods.items()}

    def enter(self, pod: Object, node: str) -> None:
        """The pod is, or is about to be, on the node."""
        uid, asked = pod["metadata"]["uid"], pod_amounts(pod, "requests")
        self._places[uid] = node, asked
        self._pods.setdefault(node, {})[uid] = pod
        self.rooms.setdefault(node, Room()).take(asked)

    def leave(self, uid: str) -> None:
        """The pod takes no room any more; one that took none is no error."""
        node, asked = self._places.pop(uid, ("", {}))
        if node:
            del self._pods[node][uid]
            self.rooms[node].give_back(asked)
