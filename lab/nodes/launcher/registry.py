"""The launchers of a node, as virt-handler finds them; on a cluster these are sockets below /var/run/kubevirt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..runtime import Node

if TYPE_CHECKING:
    from .launcher import Launcher

KEY = "launchers"


class Launchers:
    """The launchers of a node by their VMI's uid: one, or for a while two, when a migration's target is on the source's
    node. One that has exited stays until it is forgotten."""

    def __init__(self) -> None:
        self._by_uid: dict[str, list[Launcher]] = {}
        self._listeners: list[Callable[[Launcher], None]] = []

    def get(self, uid: str) -> Launcher | None:
        """The one that virt-handler is connected to: the first that has not exited, else the last that was there."""
        found = self._by_uid.get(uid, [])
        return next((launcher for launcher in found if not launcher.exited), found[-1] if found else None)

    def several(self, uid: str) -> bool:
        """Whether more than one has not exited."""
        return sum(not launcher.exited for launcher in self._by_uid.get(uid, ())) > 1

    def __iter__(self) -> Iterator[Launcher]:
        return iter([launcher for found in self._by_uid.values() for launcher in found])

    def add(self, launcher: Launcher) -> None:
        others = [known for known in self._by_uid.get(launcher.uid, ()) if not known.exited]
        self._by_uid[launcher.uid] = [*others, launcher]
        self.tell(launcher)

    def forget(self, launcher: Launcher) -> None:
        kept = [known for known in self._by_uid.pop(launcher.uid, ()) if known is not launcher]
        if kept:
            self._by_uid[launcher.uid] = kept

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
