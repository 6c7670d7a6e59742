"""virt-api: the program that serves KubeVirt's admission webhooks and its aggregated API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from .... import kinds
from ....defects.eviction import DEFAULT_IGNORED
from ....informer import Informer
from ....kube import Kube, cancel
from .aggregated import Aggregated
from .evictions import validate_eviction, validate_hotplug_eviction
from .guests import Guests
from .machines import mutate_vm, mutate_vmi, validate_new_vmi, validate_vm, validate_vmi_update
from .migrations import mutate_migration, validate_migration, validate_migration_update, validate_policy
from .review import Allowed, Asked, Denied, answer, deny
from .settings import Settings

if TYPE_CHECKING:
    from ....nodes.runtime import Container

PORT = 8443
LAUNCHER_EVICTIONS = "/launcher-eviction-validate"
HOTPLUG_EVICTIONS = "/hotplug-eviction-validate"
Rule = Callable[[Asked], Awaitable[Allowed]]
Judge = Callable[[Asked, Settings], Allowed]


async def virt_api(container: Container) -> int:
    """Serve until told to stop."""
    lab = container.lab
    async with container.kube("virt-api") as kube, Guests(kube, lab.authority) as guests:
        cluster = Informer(kube, kinds.KUBEVIRT)
        following = asyncio.create_task(cluster.run())
        await cluster.synced.wait()
        app = web.Application()
        app.router.add_get("/healthz", _healthy)
        Webhooks(container, kube, cluster).add_routes(app)
        Aggregated(kube, guests, cluster, lab.release, lab.defects).add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        names = (container.pod_ip, f"*.{container.namespace}.svc", "virt-api")
        tls = lab.authority.mutual_tls(*names, required=False)
        try:
            await web.TCPSite(runner, container.pod_ip, PORT, ssl_context=tls).start()
            container.report_ready()
            await container.stopping.wait()
        finally:
            await runner.cleanup()
            await cancel(following)
    return 0


class Webhooks:
    """The admission webhooks by path."""

    def __init__(self, container: Container, kube: Kube, cluster: Informer) -> None:
        self._release, self._defects = container.lab.release, container.lab.defects
        self._kube, self._cluster = kube, cluster

    def add_routes(self, app: web.Application) -> None:
        judges: dict[str, Judge] = {
            "/virtualmachines-mutate": mutate_vm,
            "/virtualmachineinstances-mutate": mutate_vmi,
            "/virtualmachines-validate": validate_vm,
            "/virtualmachineinstances-validate-create": validate_new_vmi,
            "/virtualmachineinstances-validate-update": validate_vmi_update,
            "/migration-mutate-create": mutate_migration,
            "/migration-validate-update": lambda asked, _: validate_migration_update(asked),
            "/migration-policy-validate-create": validate_policy,
        }
        for path, judge in judges.items():
            app.router.add_post(path, _reviewing(self._judging(judge)))
        rules: dict[str, Rule] = {
            "/migration-validate-create": self._validate_migration,
            LAUNCHER_EVICTIONS: self._validate_eviction,
            HOTPLUG_EVICTIONS: self._validate_hotplug_eviction,
        }
        for path, rule in rules.items():
            app.router.add_post(path, _reviewing(rule))

    def _settings(self) -> Settings:
        found = Settings.of(self._cluster.items(), self._release)
        return replace(found, eviction_strategy=None) if self._defects.on(DEFAULT_IGNORED) else found

    def _judging(self, judge: Judge) -> Rule:
        async def rule(asked: Asked) -> Allowed:
            return judge(asked, self._settings())

        return rule

    async def _validate_migration(self, asked: Asked) -> Allowed:
        return await validate_migration(asked, self._kube, self._settings(), self._defects)

    async def _validate_eviction(self, asked: Asked) -> Allowed:
        return await validate_eviction(asked, self._kube, self._settings(), self._defects)

    async def _validate_hotplug_eviction(self, asked: Asked) -> Allowed:
        return await validate_hotplug_eviction(asked, self._kube)


def _reviewing(rule: Rule) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        asked = Asked.of(orjson.loads(await request.read())["request"])
        try:
            review = answer(asked, await rule(asked))
        except Denied as denied:
            review = deny(asked, denied)
        return web.Response(body=orjson.dumps(review), content_type="application/json")

    return handle


async def _healthy(request: web.Request) -> web.Response:
    return web.Response(text="ok")
