"""Of several virt-controllers one works: the one that holds the Lease and keeps renewing it.

None gives the Lease back when it goes, as KubeVirt's do not: the next one waits until it has expired.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import aiohttp

from ...clock import micro_timestamp, parse_timestamp
from ...kinds import LEASE
from ...kube import ApiError, Kube, Object, cancel

log = logging.getLogger(__name__)
DURATION = 15
RENEW_LIMIT = 10.0
RETRY = 2.0


class LostLeadershipError(Exception):
    """Somebody else holds the Lease, or it could not be renewed in time."""


class Leadership:
    """One candidate for one Lease."""

    def __init__(self, kube: Kube, namespace: str, name: str, identity: str) -> None:
        self._kube, self._namespace, self._name, self._identity = kube, namespace, name, identity

    @asynccontextmanager
    async def held(self) -> AsyncIterator[asyncio.Task[None]]:
        """Wait until the Lease is ours, and keep it. The task that renews it fails when it is lost."""
        while not await self._try():
            await asyncio.sleep(RETRY)
        keeping = asyncio.create_task(self._keep())
        try:
            yield keeping
        finally:
            await cancel(keeping)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        while loop.time() - renewed < RENEW_LIMIT:
            await asyncio.sleep(RETRY)
            if await self._try():
                renewed = loop.time()
        raise LostLeadershipError(f"{self._identity} could not renew the Lease {self._namespace}/{self._name}")

    async def _try(self) -> bool:
        """Take or renew the Lease; whether it is ours now."""
        try:
            lease = await self._kube.find(LEASE, self._name, self._namespace)
            if lease is None:
                metadata = {"name": self._name, "namespace": self._namespace}
                await self._kube.create(LEASE, {"metadata": metadata, "spec": self._claim({})})
                return True
            if not self._is_free(lease["spec"]):
                return False
            await self._kube.replace(LEASE, {**lease, "spec": self._claim(lease["spec"])})
        except (ApiError, aiohttp.ClientError, OSError) as error:
            log.debug("%s: lease %s: %s", self._identity, self._name, error)
            return False
        return True

    def _is_free(self, spec: Object) -> bool:
        holder, renewed = spec.get("holderIdentity"), spec.get("renewTime")
        if not holder or not renewed or holder == self._identity:
            return True
        return datetime.now(UTC) - parse_timestamp(renewed) > timedelta(seconds=spec["leaseDurationSeconds"])

    def _claim(self, spec: Object) -> Object:
        now = micro_timestamp()
        ours = spec.get("holderIdentity") == self._identity
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": DURATION,
            "acquireTime": spec["acquireTime"] if ours else now,
            "renewTime": now,
            "leaseTransitions": spec.get("leaseTransitions", 0) + (0 if ours else 1),
        }
