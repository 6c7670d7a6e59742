"""virt-controller: the program that runs KubeVirt's controllers, as long as it is the leader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...defects import Defects
from ...exposition import serving
from ...kube import Kube, cancel
from ...pace import Pace
from ...release import Release
from .disruption import DisruptionController
from .evacuation import EvacuationController
from .leader import Leadership
from .metrics import ControllerMetrics
from .migration.controller import MigrationController
from .nodes import NodeController
from .vm import VmController
from .vmi import VmiController
from .workloadupdater import WorkloadUpdater
from .world import World

if TYPE_CHECKING:
    from ...context import LabContext
    from ...nodes.runtime import Container

LEASE_NAME = "virt-controller"


async def virt_controller(container: Container) -> int:
    """Work until told to stop; losing the leadership ends the program, and its pod is restarted."""
    metrics = ControllerMetrics(container.lab.release, container.lab.defects)
    async with container.kube(LEASE_NAME) as kube, serving(container, metrics.text):
        container.report_ready()
        leadership = Leadership(kube, container.namespace, LEASE_NAME, container.pod_name)
        working = asyncio.create_task(_lead(kube, leadership, container.lab, container.log, metrics))
        stopping = asyncio.create_task(container.stopping.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            await cancel(working, stopping)
    return 0


async def _lead(
    kube: Kube, leadership: Leadership, lab: LabContext, log: Callable[[str], None], metrics: ControllerMetrics
) -> None:
    async with leadership.held() as keeping:
        controllers = asyncio.create_task(run_controllers(kube, lab.release, lab.pace, lab.defects, log, metrics))
        try:
            done, _ = await asyncio.wait({keeping, controllers}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await cancel(controllers)


async def run_controllers(
    kube: Kube,
    release: Release,
    pace: Pace,
    defects: Defects,
    log: Callable[[str], None] = lambda text: None,
    metrics: ControllerMetrics | None = None,
) -> None:
    """All of KubeVirt's controllers over one set of caches, until cancelled."""
    world = World(kube, release, pace, defects, log)
    if metrics is not None:
        metrics.follow(world)
    controllers = (
        VmController(world),
        VmiController(world),
        MigrationController(world),
        EvacuationController(world),
        DisruptionController(world),
        NodeController(world),
        WorkloadUpdater(world),
    )
    async with asyncio.TaskGroup() as group:
        for informer in world.informers():
            group.create_task(informer.run(), name=f"virt-controller {informer.kind.plural}")
        for informer in world.informers():
            await informer.synced.wait()
        for controller in controllers:
            group.create_task(controller.run(), name=type(controller).__name__)
