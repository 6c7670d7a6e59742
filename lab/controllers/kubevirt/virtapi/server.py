"""virt-api: the program that serves KubeVirt's admission webhooks and its aggregated API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from .... import kinds
from ....informer import Informer
from ....kube import Kube, Object, cancel
from .aggregated import Aggregated
from .evictions import validate_eviction
from .guests import Guests
from .machines import mutate_vm, mutate_vmi, validate_new_vmi, validate_vm, validate_vmi_update
from .migrations import mutate_migration, validate_migration, validate_migration_update, validate_policy
from .review import Asked, Denied, allow, deny
from .specs import Settings

if TYPE_CHECKING:
    from ....nodes.runtime import Container

PORT = 8443
Rule = Callable[[Asked], Awaitable[Iterable[Object] | None]]


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
        rules: dict[str, Rule] = {
            "/virtualmachines-mutate": self._mutate_vm,
            "/virtualmachineinstances-mutate": self._mutate_vmi,
            "/migration-mutate-create": self._mutate_migration,
            "/virtualmachines-validate": self._validate_vm,
            "/virtualmachineinstances-validate-create": self._validate_new_vmi,
            "/virtualmachineinstances-validate-update": self._validate_vmi_update,
            "/migration-validate-create": self._validate_migration,
            "/migration-validate-update": self._validate_migration_update,
            "/migration-policy-validate-create": self._validate_policy,
            "/launcher-eviction-validate": self._validate_eviction,
        }
        for path, rule in rules.items():
            app.router.add_post(path, _reviewing(rule))

    def _settings(self) -> Settings:
        return Settings.of(next(iter(self._cluster.items()), None), self._release)

    async def _mutate_vm(self, asked: Asked) -> Iterable[Object]:
        return mutate_vm(asked, self._release)

    async def _mutate_vmi(self, asked: Asked) -> Iterable[Object]:
        return mutate_vmi(asked, self._release)

    async def _mutate_migration(self, asked: Asked) -> Iterable[Object]:
        return mutate_migration(asked)

    async def _validate_vm(self, asked: Asked) -> None:
        validate_vm(asked, self._settings())

    async def _validate_new_vmi(self, asked: Asked) -> None:
        validate_new_vmi(asked, self._settings())

    async def _validate_vmi_update(self, asked: Asked) -> None:
        validate_vmi_update(asked)

    async def _validate_migration(self, asked: Asked) -> None:
        await validate_migration(asked, self._kube, self._settings(), self._defects)

    async def _validate_migration_update(self, asked: Asked) -> None:
        validate_migration_update(asked)

    async def _validate_policy(self, asked: Asked) -> None:
        validate_policy(asked)

    async def _validate_eviction(self, asked: Asked) -> None:
        cluster = next(iter(self._cluster.items()), {})
        strategy = ((cluster.get("spec") or {}).get("configuration") or {}).get("evictionStrategy")
        await validate_eviction(asked, self._kube, self._release, strategy)


def _reviewing(rule: Rule) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        asked = Asked.of(orjson.loads(await request.read())["request"])
        try:
            answer = allow(asked, [*(await rule(asked) or ())])
        except Denied as denied:
            answer = deny(asked, denied)
        return web.Response(body=orjson.dumps(answer), content_type="application/json")

    return handle


async def _healthy(request: web.Request) -> web.Response:
    return web.Response(text="ok")
