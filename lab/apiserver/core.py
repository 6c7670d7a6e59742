"""The parts that all request handlers share."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from .authentication import Authenticator
from .backends import Backends
from .config import ApiServerConfig
from .deleting import Deleter
from .rbac import Authorizer
from .reading import Reader
from .resources import Registry
from .service_addresses import ServiceAddresses
from .store import StorageKey, Store
from .watching import Watch
from .writing import Writer


@dataclass(frozen=True)
class Core:
    """One API server's parts."""

    config: ApiServerConfig
    store: Store
    registry: Registry
    reader: Reader
    writer: Writer
    deleter: Deleter
    authenticator: Authenticator
    authorizer: Authorizer
    backends: Backends
    addresses: ServiceAddresses
    watches: set[Watch] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def close_watches(self, storage: StorageKey) -> None:
        """End the watches of a collection that is no more."""
        for watch in self.watches:
            if watch.storage == storage:
                watch.close()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the background until the server stops."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
