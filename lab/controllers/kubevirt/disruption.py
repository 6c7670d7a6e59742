"""PodDisruptionBudgets: how KubeVirt up to 1.5 protects the pods of VMIs that are to be migrated, not evicted."""

from __future__ import annotations

from ... import kinds
from ...defects.eviction import BUDGETS_STAY
from ...events import Recorder
from ...informer import Queue, key_of, run_controller
from ...kube import Object
from . import names
from .expectations import Expectations
from .objects import (
    eviction_strategy,
    holds,
    is_deleting,
    is_final,
    labels,
    owner_reference,
    status,
    uid,
)
from .world import World

SAFETY_NET = 1.0
NAME_PREFIX = "kubevirt-disruption-budget-"


class MissingBudgetError(Exception):
    """A VMI that has to be protected is not, so it must not be migrated yet."""


class DisruptionController:
    """Works on one VMI at a time per worker. From 1.6 on it only deletes what older versions have left."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = Queue()
        self.events = Recorder(world.kube, "disruptionbudget-controller")
        self.own = Expectations(world.budgets)
        world.vmis.on_change(lambda event, vmi: self.queue.add(key_of(vmi)))
        world.budgets.on_change(self._budget_changed)
        world.migrations.on_change(self._migration_changed)

    async def run(self) -> None:
        await run_controller("disruption", self.queue, [], self.reconcile)

    def _budget_changed(self, event: str, budget: Object) -> None:
        if vmi := self.world.owner_vmi(budget):
            self.queue.add(key_of(vmi))

    def _migration_changed(self, event: str, migration: Object) -> None:
        self.queue.add((migration["metadata"]["namespace"], migration["spec"].get("vmiName", "")))

    async def reconcile(self, namespace: str, name: str) -> float | None:
        vmi = self.world.vmis.get(namespace, name)
        if vmi is None:
            return None
        if not self.own.satisfied((namespace, name)):
            return SAFETY_NET
        budgets = self.world.budgets_of(vmi)
        if not self._is_wanted(vmi):
            if self.world.defects.on(BUDGETS_STAY):
                return None
            for budget in budgets:
                await self._delete(vmi, budget)
        elif not budgets:
            await self._create(vmi)
        else:
            await self._shrink(vmi, budgets[0])
        return None

    def _is_wanted(self, vmi: Object) -> bool:
        if not self.world.release.has_pdbs or is_final(vmi) or is_deleting(vmi):
            return False
        return needs_budget(vmi, self.world.config().eviction_strategy)

    async def _create(self, vmi: Object) -> None:
        body = {
            "metadata": {
                "generateName": NAME_PREFIX,
                "namespace": vmi["metadata"]["namespace"],
                "ownerReferences": [owner_reference(vmi)],
            },
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {names.CREATED_BY: uid(vmi)}}},
        }
        made = await self.world.kube.create(kinds.POD_DISRUPTION_BUDGET, body)
        self.own.wrote(key_of(vmi), made)
        self._say(vmi, "SuccessfulCreate", f"Created PodDisruptionBudget {made['metadata']['name']}")

    async def _delete(self, vmi: Object, budget: Object) -> None:
        namespace, name = key_of(budget)
        await self.world.kube.delete(kinds.POD_DISRUPTION_BUDGET, name, namespace, uid=uid(budget))
        self._say(vmi, "SuccessfulDelete", f"Deleted PodDisruptionBudget {name}")

    async def _shrink(self, vmi: Object, budget: Object) -> None:
        """A budget that a migration has widened goes back to one pod when that migration has ended."""
        widened_for = labels(budget).get(names.MIGRATION_NAME)
        if widened_for is None:
            return
        migration = self.world.migrations.get(budget["metadata"]["namespace"], widened_for)
        if migration and not is_final(migration):
            return
        change = {"metadata": {"labels": {names.MIGRATION_NAME: None}}, "spec": {"minAvailable": 1}}
        await self._patch(vmi, budget, change, f"shrank PodDisruptionBudget {budget['metadata']['name']}")

    async def _patch(self, vmi: Object, budget: Object, change: Object, text: str) -> None:
        namespace, name = key_of(budget)
        kube = self.world.kube
        made = await kube.patch(kinds.POD_DISRUPTION_BUDGET, name, change, namespace, style="merge")
        self.own.wrote(key_of(vmi), made)
        self._say(vmi, "SuccessfulUpdate", text)

    def _say(self, vmi: Object, reason: str, text: str) -> None:
        self.events.event(vmi, "Normal", reason, text)


def needs_budget(vmi: Object, default: str | None) -> bool:
    """Whether the VMI's eviction strategy wants it moved rather than evicted."""
    strategy = eviction_strategy(vmi, default)
    if strategy == "LiveMigrateIfPossible":
        return holds(vmi, "LiveMigratable")
    return strategy in ("LiveMigrate", "External")


async def protect_migration(world: World, migration: Object, vmi: Object) -> bool:
    """Widen the VMI's budget to both pods; whether the budget is in force, so that the target may be made."""
    if not world.release.has_pdbs or not needs_budget(vmi, world.config().eviction_strategy):
        return True
    budgets = world.budgets_of(vmi)
    if not budgets:
        raise MissingBudgetError(f"Found no PDB protecting the vmi {vmi['metadata']['name']}")
    budget = budgets[0]
    metadata, name = budget["metadata"], migration["metadata"]["name"]
    if budget["spec"].get("minAvailable") != 2:
        change = {"metadata": {"labels": {names.MIGRATION_NAME: name}}, "spec": {"minAvailable": 2}}
        await world.kube.patch(
            kinds.POD_DISRUPTION_BUDGET, metadata["name"], change, metadata["namespace"], style="merge"
        )
        text = f"Expanded PodDisruptionBudget {metadata['name']}"
        world.events.event(vmi, "Normal", "SuccessfulUpdate", text)
        return False
    in_force = status(budget)
    return in_force.get("desiredHealthy") == 2 and in_force.get("observedGeneration") == metadata.get("generation")
