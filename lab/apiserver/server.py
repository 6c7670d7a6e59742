"""The HTTPS server."""

from __future__ import annotations

from .config import ApiServerConfig


class ApiServer:
    """One API server. `start` returns when it answers."""

    def __init__(self, config: ApiServerConfig) -> None:
        self.config = config

    async def start(self) -> None: ...

    async def stop(self) -> None: ...
