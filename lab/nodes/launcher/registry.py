"""The launchers of a node, as virt-handler finds them; on a cluster these are sockets below /var/run/kubevirt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..runtime import Node

if TYPE_CHECKING:
    from .launcher import Launcher

KEY = "launchers"


class Launchers:
    """One launcher a VMI, by the VMI's uid. One that has exited stays until it is forgotten or replaced."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Launcher] = {}
        self._listeners: list[Callable[[Launcher], None]] = []

    def get(self, uid: str) -> Launcher | None:
        return self._by_uid.get(uid)

    def __iter__(self) -> Iterator[Launcher]:
        return iter(list(self._by_uid.values()))

    def add(self, launcher: Launcher) -> None:
        self._by_uid[launcher.uid] = launcher
        self.tell(launcher)

    def forget(self, launcher: Launcher) -> None:
        if self._by_uid.get(launcher.uid) is launcher:
            del self._by_uid[launcher.uid]

    def listen(self, listener: Callable[[Launcher], None]) -> Callable[[], None]:
        """Call `listener` with every launcher that appears or changes; call the result to stop."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def tell(self, launcher: Launcher) -> None:
        for listener in list(self._listeners):
            listener(launcher)


def launchers_of(node: Node) -> Launchers:
    found: Launchers = node.machines.setdefault(KEY, Launchers())
    return found
