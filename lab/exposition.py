"""Metrics as KubeVirt's components serve them: Prometheus' text format, over HTTPS on port 8443.

Written here and not by prometheus_client, which cannot name a counter as KubeVirt names some (without `_total`), nor
tell several samples of one series in one answer, as virt-handler does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from .release import Release

if TYPE_CHECKING:
    from .nodes.runtime import Container

PORT = 8443


@dataclass(frozen=True)
class Family:
    """A metric with its type and help; `since` and `until` are KubeVirt's versions that have it."""

    name: str
    type: str
    help: str
    since: str = "1.3"
    until: str = ""

    def in_(self, release: Release) -> bool:
        return release.is_at_least(self.since) and (not self.until or release.is_at_most(self.until))


@dataclass(frozen=True)
class Sample:
    """One value. `at` is Unix time, where it is told; `part` is the end of the name of a histogram's series."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    at: float | None = None
    part: str = ""


SYNCS = Family(
    "kubevirt_vmi_sync_total", "counter", "Total number of times a VirtualMachineInstance has been synced.", "1.9"
)
"""virt-controller and virt-handler both count."""
Found = Iterable[tuple[Family, Sample]]


def written(found: Found, release: Release) -> str:
    """The answer to a scrape. A metric without a sample is left out, as is one that the release does not have."""
    families: dict[Family, list[Sample]] = {}
    for family, sample in found:
        if family.in_(release):
            families.setdefault(family, []).append(sample)
    lines = [line for family in sorted(families, key=lambda known: known.name) for line in _lines(family, families)]
    return "".join(f"{line}\n" for line in lines)


def _lines(family: Family, families: Mapping[Family, list[Sample]]) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help}"
    yield f"# TYPE {family.name} {family.type}"
    for sample in families[family]:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(sample.labels.items()))
        at = "" if sample.at is None else f" {sample.at * 1000:.0f}"
        yield f"{family.name}{sample.part}{f'{{{labels}}}' if labels else ''} {sample.value!r}{at}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


@asynccontextmanager
async def serving(container: Container, scrape: Callable[[], str]) -> AsyncIterator[None]:
    """Serve /metrics, and /healthz as the same port does, at the container's address."""

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text=scrape(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def healthy(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/healthz", healthy)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, container.pod_ip, PORT, ssl_context=container.tls).start()
        yield
    finally:
        await runner.cleanup()
