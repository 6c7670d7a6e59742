"""Making target pods: whose turn it is, and the pod itself. Slots are given out one by one, under a lock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .... import kinds
from ....informer import Index, key_of
from ....kube import ApiError, Object
from .. import disruption, names
from ..expectations import Expectations
from ..launcherpod import target_launcher
from ..objects import annotations_of, phase, status
from ..world import World
from . import queueing
from .situation import Note, Situation

UNOBSERVED = 1.0


@dataclass(frozen=True)
class Admission:
    """What came of a Pending migration's wish for a target pod."""

    notes: tuple[Note, ...] = ()
    again: float | None = None
    """Seconds after which to ask again; None when the pod has been made."""
    over_quota: bool = False


class Targets:
    """Gives Pending migrations their target pods."""

    def __init__(self, world: World, made: Expectations) -> None:
        self.world, self.made = world, made
        self._turn = asyncio.Lock()
        self._begun = Index(world.migrations, _progress)

    async def admit(self, situation: Situation) -> Admission:
        """Create the target pod if it is this migration's turn."""
        siblings = self.world.migrations_of(*key_of(situation.vmi))
        wait = queueing.backoff(situation.migration, siblings, situation.now)
        if wait > 0:
            text = f"backoff migrating vmi {situation.vmi_name}"
            return Admission((Note("Warning", "MigrationBackoff", text, about_vmi=True),), wait)
        async with self._turn:
            pods = queueing.active(self.world.pods_of(situation.vmi))
            if not self.made.all_satisfied() or len(pods) > 1 or situation.source is None:
                return self._later(UNOBSERVED)
            if not self._has_slot(situation.migration):
                return self._later(queueing.retry_after(situation.migration, self.world.config()))
            if not await disruption.protect_migration(self.world, situation.migration, situation.vmi):
                return self._later(UNOBSERVED)
            return await self._create(situation, situation.source)

    def _later(self, seconds: float) -> Admission:
        return Admission(again=seconds * self.world.pace.slot_poll)

    def _has_slot(self, migration: Object) -> bool:
        running = [item for item in self._begun.of("Pending") if self.world.has_target(item)]
        running += self._begun.of("running")
        found = (
            self.world.vmis.get(item["metadata"]["namespace"], item["spec"]["vmiName"])
            for item in (migration, *running)
        )
        nodes = queueing.nodes_of(vmi for vmi in found if vmi)
        return queueing.has_slot(migration, running, nodes, self.world.config())

    async def _create(self, situation: Situation, source: Object) -> Admission:
        vmi = await self._mark_non_root(situation.vmi)
        node = self.world.nodes.get("", status(vmi).get("nodeName", ""))
        body = target_launcher(vmi, situation.migration, source, node, self.world.config())
        try:
            pod = await self.world.kube.create(kinds.POD, body)
        except ApiError as error:
            note = Note("Warning", "FailedCreate", _refusal(situation, error), about_vmi=True)
            again = queueing.WAIT_FOR_SLOT * self.world.pace.slot_poll
            return Admission((note,), again, over_quota="exceeded quota" in error.message)
        self.made.wrote(situation.key, pod)
        text = f"Created migration target pod {pod['metadata']['name']}"
        return Admission((Note("Normal", "SuccessfulCreate", text),))

    async def _mark_non_root(self, vmi: Object) -> Object:
        """A VMI that runs without root is marked so before its first migration."""
        if names.NON_ROOT in annotations_of(vmi) or not status(vmi).get("runtimeUser"):
            return vmi
        marks = {"metadata": {"annotations": {names.NON_ROOT: "true"}}}
        namespace, name = key_of(vmi)
        return await self.world.kube.patch(kinds.VIRTUAL_MACHINE_INSTANCE, name, marks, namespace, style="merge")


def _progress(migration: Object) -> list[str]:
    """What of a migration matters to those that wait for a slot."""
    return ["running"] if queueing.is_running(migration) else [phase(migration)]


def _refusal(situation: Situation, error: ApiError) -> str:
    if "violates PodSecurity" in error.message:
        needs = "it needs a privileged namespace to run"
        return f"failed to create target pod for vmi {situation.vmi_name}, {needs}: {error.message}"
    return f"Error creating pod: {error.message}"
