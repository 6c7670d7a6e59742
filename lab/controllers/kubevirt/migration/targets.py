"""Making target pods: whose turn it is, and the pod itself. Slots are given out one by one, under a lock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from .... import kinds
from ....defects.limits import LIMIT_NOT_TOLD
from ....informer import Index, key_of
from ....kube import ApiError, Object
from .. import disruption, names
from ..autolimits import auto_limits
from ..expectations import Expectations
from ..launcherpod import target_launcher
from ..objects import annotations_of, status, uid
from ..world import World
from . import mistakes, queueing
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
        self._running = Index(world.migrations, lambda item: ["running"] if queueing.is_running(item) else [])
        self._unfair = mistakes.Unfair(world)

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
            if reason := self._held_back(situation):
                return self._wait(situation, reason)
            if not await disruption.protect_migration(self.world, situation.migration, situation.vmi):
                return self._later(UNOBSERVED)
            return await self._create(situation, situation.source)

    def _later(self, seconds: float) -> Admission:
        return Admission(again=seconds * self.world.pace.slot_poll)

    def _wait(self, situation: Situation, reason: str) -> Admission:
        """KubeVirt tells the reason in its log only."""
        world = self.world
        if not world.defects.on(LIMIT_NOT_TOLD):
            text = f"Waiting to schedule target pod for vmi [{situation.vmi_name}] migration because {reason}"
            world.tell(situation.migration, text)
        self._unfair.waits(uid(situation.migration))
        rank = mistakes.rank(situation.migration, world.config(), world.defects)
        return self._later(queueing.retry_after(rank))

    def _held_back(self, situation: Situation) -> str | None:
        """Which limit this migration has to wait for."""
        world, own = self.world, uid(situation.migration)
        begun = [*world.pending_with_target(), *self._running.of("running")]
        others = mistakes.counted((item for item in begun if uid(item) != own), world.defects)
        vmis = [world.vmis.get(item["metadata"]["namespace"], item["spec"]["vmiName"]) or {} for item in others]
        limits = mistakes.limits(world.config(), world.defects)
        node = status(situation.vmi).get("nodeName", "")
        leaving = sum(status(vmi).get("nodeName") == node for vmi in vmis)
        reason = queueing.held_back_by(node, vmis, limits, world.release.counts_source_node)
        return reason or self._unfair.passes_over(own, leaving)

    async def _create(self, situation: Situation, source: Object) -> Admission:
        vmi = await self._mark_non_root(situation.vmi)
        node = self.world.nodes.get("", status(vmi).get("nodeName", ""))
        limits = auto_limits(vmi, self.world)
        body = target_launcher(vmi, situation.migration, source, node, self.world.config(), limits)
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


def _refusal(situation: Situation, error: ApiError) -> str:
    if "violates PodSecurity" in error.message:
        needs = "it needs a privileged namespace to run"
        return f"failed to create target pod for vmi {situation.vmi_name}, {needs}: {error.message}"
    return f"Error creating pod: {error.message}"
