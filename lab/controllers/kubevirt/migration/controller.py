"""The migration controller: reads situations from the caches, carries out what follows, writes phases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from .... import kinds
from ....copies import copied
from ....defects.chaos import NEW_LEADER_ENDS_MIGRATIONS, REFUSED_WRITE_ENDS_MIGRATION
from ....defects.tutorial import MIGRATIONS_PILE_UP, MIGRATIONS_SURVIVE
from ....informer import Key, Queue, key_of, run_controller
from ....kube import ApiError, Object
from .. import names
from ..expectations import Expectations
from ..objects import (
    annotations_of,
    current_pod,
    finalizers,
    is_deleting,
    is_final,
    labels,
    migration_state,
    phase,
    status,
    uid,
)
from ..placement import missing_cpu
from ..world import World
from . import mistakes, queueing
from .actions import Action, ComeBack, CreateTarget, DeleteTarget, MarkTargetReady, PatchVmi, Say
from .phases import QUOTA, next_status
from .policymistakes import PolicyInForce
from .situation import Note, Situation
from .sync import actions
from .targets import Targets
from .workqueue import RankedQueue

SAFETY_NET = 1.0


class MigrationController:
    """Works on one migration at a time per worker."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue: Queue = RankedQueue(self._rank)
        self.own = Expectations(world.migrations)
        self.made = Expectations(world.launchers)
        self.patched = Expectations(world.vmis)
        self.handed_off: set[str] = set()
        self.targets = Targets(world, self.made)
        self.policies = PolicyInForce(world)
        world.migrations.on_change(self._migration_changed)
        world.vmis.on_change(self._vmi_changed)
        world.launchers.on_change(self._pod_changed)
        world.quotas.on_change(self._quota_changed)
        world.budgets.on_change(self._budget_changed)

    async def run(self) -> None:
        if self.world.defects.on(NEW_LEADER_ENDS_MIGRATIONS):
            for migration in self.world.migrations.items():
                namespace, name = key_of(migration)
                await self.world.kube.delete(kinds.MIGRATION, name, namespace)
        await run_controller("migration", self.queue, [], self.reconcile)

    # What changes make which migrations due.

    def _migration_changed(self, event: str, migration: Object) -> None:
        self.queue.add(key_of(migration))
        if is_final(migration) or event == "DELETED":
            self.handed_off.discard(uid(migration))
            if self.world.config().priority_queue:
                self._wake_waiting()

    def _wake_waiting(self) -> None:
        """A slot may be free: the most urgent of those that wait look first, no more than may ever be under way."""
        config, defects = self.world.config(), self.world.defects
        waiting = [item for item in self.world.migrations.items() if phase(item) == "Pending"]
        waiting.sort(key=lambda item: mistakes.rank(item, config, defects), reverse=True)
        for item in waiting[: config.parallel_per_cluster]:
            self.queue.add(key_of(item))

    def _rank(self, key: Key) -> int:
        return mistakes.rank(self.world.migrations.get(*key), self.world.config(), self.world.defects)

    def _vmi_changed(self, event: str, vmi: Object) -> None:
        for migration in self.world.migrations_of(*key_of(vmi)):
            self.queue.add(key_of(migration))

    def _pod_changed(self, event: str, pod: Object) -> None:
        if name := annotations_of(pod).get(names.JOB_NAME):
            self.queue.add((pod["metadata"]["namespace"], name))

    def _quota_changed(self, event: str, quota: Object) -> None:
        for migration in self.world.migrations.items(quota["metadata"]["namespace"]):
            rejected = any(item["type"] == QUOTA for item in status(migration).get("conditions") or [])
            if rejected or mistakes.ended_by_quota(self.world, migration):
                self.queue.add(key_of(migration))

    def _budget_changed(self, event: str, budget: Object) -> None:
        if vmi := self.world.owner_vmi(budget):
            self._vmi_changed(event, vmi)

    # One reconcile.

    async def reconcile(self, namespace: str, name: str) -> float | None:
        key = (namespace, name)
        migration = self.world.migrations.get(namespace, name)
        if migration is None:
            return None
        if not self.own.satisfied(key) or not self.made.satisfied(key):
            return SAFETY_NET
        if names.LATEST_VERSION not in annotations_of(migration):
            await self._annotate(migration)
            return None
        vmi = self.world.vmis.get(namespace, migration["spec"]["vmiName"])
        if vmi is None:
            await self._abandon(migration)
            return None
        if mistakes.ended_by_quota(self.world, migration):
            await self.world.kube.delete(kinds.MIGRATION, name, namespace)
        situation = self._situation(migration, vmi)
        try:
            return await self._progress(situation)
        except ApiError as error:
            if error.code >= 500 and self.world.defects.on(REFUSED_WRITE_ENDS_MIGRATION):
                await self.world.kube.delete(kinds.MIGRATION, name, namespace)
            raise

    async def _progress(self, situation: Situation) -> float | None:
        again = None
        if self.patched.satisfied(key_of(situation.migration)):
            situation, again = await self._sync(situation)
        elif is_final(situation.migration):
            return SAFETY_NET
        await self._write(situation)
        return again

    def _situation(self, migration: Object, vmi: Object) -> Situation:
        pods = self.world.pods_of(vmi)
        targets = [pod for pod in pods if labels(pod).get(names.JOB_UID) == uid(migration)]
        target = max(targets, key=lambda pod: pod["metadata"]["creationTimestamp"], default=None)
        config = self.world.config()
        limit = annotations_of(migration).get(names.UTILITY_VOLUMES_TIMEOUT, "")
        default = config.migrations.get("utilityVolumesTimeout", 0)
        return Situation(
            migration=migration,
            vmi=vmi,
            target=target,
            source=current_pod(vmi, pods),
            now=datetime.now(UTC),
            release=self.world.release,
            rival=self._has_rival(migration, vmi),
            handed_off=uid(migration) in self.handed_off,
            missing_cpu=missing_cpu(vmi, target, self.world.nodes.items()) if target else "",
            utility_volumes_timeout=float(limit if limit.isdigit() else default),
        )

    def _has_rival(self, migration: Object, vmi: Object) -> bool:
        """Whether the VMI's state names another migration that has not ended."""
        named = migration_state(vmi).get("migrationUid")
        if named in (None, uid(migration)):
            return False
        siblings = self.world.migrations_of(*key_of(vmi))
        return any(uid(item) == named and not is_final(item) for item in siblings)

    async def _sync(self, situation: Situation) -> tuple[Situation, float | None]:
        """Carry out what the situation calls for; the situation with what has been learnt, and when to come back."""
        delays: list[float] = []
        mistaken = self.policies.followed(situation)
        for action in (*mistaken, *actions(situation, self._configuration(situation))):
            if isinstance(action, CreateTarget):
                admission = await self.targets.admit(situation)
                situation = replace(situation, over_quota=admission.over_quota)
                delays += [] if admission.again is None else [admission.again]
                for note in admission.notes:
                    self._say(situation, note)
            elif isinstance(action, ComeBack):
                delays.append(action.seconds)
            else:
                await self._act(situation, action)
        if is_final(situation.migration):
            await self._collect(situation)
        return situation, min(delays, default=None)

    def _configuration(self, situation: Situation) -> dict[str, Any]:
        """What the hand-off records: the configuration in force for this VMI, and the policy it comes from."""
        if situation.phase != "Scheduled":
            return {}
        knobs, name = self.policies.configuration(situation.vmi)
        return {"migrationConfiguration": knobs, **({"migrationPolicyName": name} if name else {})}

    async def _act(self, situation: Situation, action: Action) -> None:
        if isinstance(action, DeleteTarget):
            await self._delete_target(situation, action)
        elif isinstance(action, PatchVmi):
            await self._patch_vmi(situation, action)
        elif isinstance(action, MarkTargetReady) and situation.target:
            pod = situation.target["metadata"]
            marks = {"metadata": {"annotations": {names.TARGET_READY: action.moment}}}
            await self.world.kube.patch(kinds.POD, pod["name"], marks, pod["namespace"], style="merge")
        elif isinstance(action, Say):
            self._say(situation, action.note)

    def _say(self, situation: Situation, note: Note) -> None:
        subject = situation.vmi if note.about_vmi else situation.migration
        self.world.events.event(subject, note.type, note.reason, note.message)

    async def _delete_target(self, situation: Situation, action: DeleteTarget) -> None:
        assert situation.target is not None
        pod = situation.target["metadata"]
        try:
            await self.world.kube.delete(kinds.POD, pod["name"], pod["namespace"], uid=pod["uid"])
        except ApiError as error:
            self._say(situation, Note("Warning", "FailedDelete", f"{action.failed}{error.message}"))
            raise
        self._say(situation, action.done)

    async def _patch_vmi(self, situation: Situation, action: PatchVmi) -> None:
        namespace, name = key_of(situation.vmi)
        try:
            vmi = await self.world.kube.patch(kinds.VIRTUAL_MACHINE_INSTANCE, name, list(action.patch), namespace)
        except ApiError as error:
            if action.failed:
                text = f"{action.failed.message}{error.message}"
                self._say(situation, replace(action.failed, message=text))
            raise
        if action.hands_off:
            self.handed_off.add(uid(situation.migration))
        self.patched.wrote(situation.key, vmi)
        if action.done:
            self._say(situation, action.done)

    # Writes on the migration itself.

    async def _annotate(self, migration: Object) -> None:
        body = copied(migration)
        marks = body["metadata"].setdefault("annotations", {})
        marks |= {names.LATEST_VERSION: "v1", names.STORAGE_VERSION: "v1"}
        self.own.wrote(key_of(migration), await self.world.kube.replace(kinds.MIGRATION, body))

    async def _write(self, situation: Situation) -> None:
        """Write the status that follows; once it is final and its status says all, give the object free.

        KubeVirt tries both at once, and the second write is refused as out of date: it tries again, with what the VMI
        says by then (updateStatus in pkg/virt-controller/watch/migration/migration.go).
        """
        migration = situation.migration
        outcome = next_status(situation)
        for note in outcome.notes:
            self._say(situation, note)
        if outcome.status != status(migration):
            body = {**migration, "status": outcome.status}
            migration = await self.world.kube.replace(kinds.MIGRATION, body, "status")
            self.own.wrote(situation.key, migration)
        elif is_final(migration):
            await self._release(migration)

    async def _release(self, migration: Object) -> None:
        """Drop the finalizer."""
        if names.MIGRATION_FINALIZER not in finalizers(migration):
            return
        body = copied(migration)
        body["metadata"]["finalizers"].remove(names.MIGRATION_FINALIZER)
        self.own.wrote(key_of(migration), await self.world.kube.replace(kinds.MIGRATION, body))

    async def _abandon(self, migration: Object) -> None:
        """A migration does not outlive its VMI."""
        if is_deleting(migration):
            await self._release(migration)
            return
        if self.world.defects.on(MIGRATIONS_SURVIVE):
            return
        namespace, name = key_of(migration)
        await self.world.kube.delete(kinds.MIGRATION, name, namespace, uid=uid(migration))

    async def _collect(self, situation: Situation) -> None:
        """Keep five finished migrations a VMI."""
        if self.world.defects.on(MIGRATIONS_PILE_UP):
            return
        for migration in queueing.surplus(self.world.migrations_of(*key_of(situation.vmi))):
            namespace, name = key_of(migration)
            await self.world.kube.delete(kinds.MIGRATION, name, namespace, uid=uid(migration))
            if self.world.release.collects_launchers:
                await self._collect_launchers(situation.vmi, migration)

    async def _collect_launchers(self, vmi: Object, migration: Object) -> None:
        state = migration_state(migration)
        over = {state.get("sourcePod"), state.get("targetPod")}
        for pod in self.world.pods_of(vmi):
            if pod["metadata"]["name"] in over and is_final(pod):
                await self.world.kube.delete(kinds.POD, pod["metadata"]["name"], pod["metadata"]["namespace"])
