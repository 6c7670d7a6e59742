"""Steps and judgements that several tests share."""

from __future__ import annotations

from typing import Any

from seatrial.fixtures import (
    Cluster,
    History,
    Migration,
    Outcome,
    Policies,
    Refused,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
    find_condition,
    not_applicable,
    not_exercised,
)
from seatrial.fixtures.history import NotSeen
from seatrial.fixtures.kinds import POD, RESOURCE_QUOTA, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.limits import START
from seatrial.fixtures.startfailure import why_not_running
from seatrial.fixtures.vmspec import VmSpec, one_connection

from .continuity import Home, check_stays
from .expected import CANCELLED, completed_after_cancel

VMIM = "VirtualMachineInstanceMigration"
ENDED = ("Succeeded", "Failed")


SLOW: Object = {"bandwidthPerMigration": "1Mi", "completionTimeoutPerGiB": 0}
"""Knobs of a migration that goes on until it is cancelled."""


def slow_down(policies: Policies) -> str:
    """A policy that gives this test's migrations 1 MiB/s and all the time; its name.

    One connection holds such a limit and several do not, so VMs that are to be slowed down are made by `slowable`.
    """
    return policies.create(**SLOW)


def slowable(vms: VirtualMachines, **options: Any) -> VirtualMachine:
    """A VM whose migrations use one connection; options as of `VirtualMachines.create`."""
    return vms.create(change=one_connection, **options)


def pinned(vms: VirtualMachines, cluster: Cluster) -> VirtualMachine:
    """A VM that may run on one node only, so that its migration finds no target."""
    node = cluster.migration_nodes[0]
    return vms.create(change=lambda spec: spec.update(nodeSelector={"kubernetes.io/hostname": node}))


def finished_vmi(stage: Stage) -> str:
    """A VMI without a VM that has ended, since its launcher was deleted; its name."""
    body = VmSpec(stage.name("vmi"), stage.template, stage.labels, tolerations=tuple(stage.cluster.tolerations)).body()
    template = body["spec"]["template"]
    name: str = body["metadata"]["name"]
    stage.create(VIRTUAL_MACHINE_INSTANCE, {"metadata": body["metadata"], "spec": template["spec"]})
    vmi = VirtualMachine(stage, name)
    vmi.wait_running()
    stage.api.delete(POD, vmi.active_pod()["metadata"]["name"], stage.namespace, grace=0)
    vmi.wait("has ended", lambda seen: seen["status"].get("phase") in ("Succeeded", "Failed"))
    return name


def limit_pods(stage: Stage, pods: int) -> None:
    """A quota on the number of pods in the test's namespace, in force when this returns."""
    stage.require_own_namespace("a quota holds for all that is in a namespace")
    stage.history.follow(RESOURCE_QUOTA)
    stage.create(RESOURCE_QUOTA, {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": str(pods)}}})

    def in_force(history: History) -> bool:
        quota = history.find(RESOURCE_QUOTA.kind, "pods") or {}
        return "pods" in quota.get("status", {}).get("used", {})

    stage.history.wait("the quota is in force", in_force, 30.0)


def wait_for_condition(migration: Migration, type: str) -> None:
    """Wait until the migration shows a condition."""

    def shown(_: History) -> bool:
        return type in migration.outcome().conditions

    migration.wait(f"has condition {type}", shown, 60.0)


def target_pods(history: History, migration: Migration) -> list[Object]:
    """The migration's target pods that exist."""
    pods = history.objects(POD.kind)
    return [p for p in pods if (p["metadata"].get("labels") or {}).get("kubevirt.io/migrationJobUID") == migration.uid]


def target_pod(history: History, migration: Migration) -> str:
    """The name of the migration's target pod, which has not ended; raises a Finding when there is not one."""
    pods = target_pods(history, migration)
    found = {str(pod["metadata"]["name"]): str(pod["status"].get("phase")) for pod in pods}
    alive = [name for name, phase in found.items() if phase not in ENDED]
    check(f"target pods of {migration.name}", "one that has not ended", found, holds=len(alive) == 1)
    return alive[0]


def wait_unschedulable(migration: Migration) -> None:
    """Wait until the scheduler has said that no node takes the target."""

    def refused(seen: History) -> bool:
        conditions = [c for pod in target_pods(seen, migration) for c in pod["status"].get("conditions") or ()]
        return any(c["type"] == "PodScheduled" and c.get("reason") == "Unschedulable" for c in conditions)

    migration.wait("has a target that no node takes", refused, 60.0)


def exercised(outcome: Outcome) -> Outcome:
    """The outcome of a cancelled migration; skips the test when the migration was faster than the cancel."""
    if outcome.succeeded:
        not_exercised("the migration ended before the cancel took effect")
    return outcome


def cancel_while_running(vm: VirtualMachine) -> Outcome:
    migration = vm.migrate()
    migration.wait_phase("Running")
    migration.cancel()
    return exercised(migration.wait_final())


def wait_pod_ended(history: History, name: str) -> None:
    """Wait until a launcher pod no longer runs, whether its object is kept or not."""

    def ended(seen: History) -> bool:
        pod = seen.find(POD.kind, name)
        return pod is None or pod["status"].get("phase") in ENDED

    history.wait(f"launcher pod {name} has ended", ended, 60.0)


def check_moved(outcome: Outcome, vm: VirtualMachine, source: str) -> None:
    """The canonical success: completed and not failed, on another node, and the VMI says the same."""
    check("completed, failed", (True, False), (outcome.completed, outcome.failed))
    check("source node", source, outcome.source_node)
    vm.wait(f"is on {outcome.target_node}", lambda vmi: vmi["status"].get("nodeName") == outcome.target_node)
    check("target node", f"another than {source}", outcome.target_node, holds=outcome.target_node not in ("", source))


def check_aborted(outcome: Outcome, cluster: Cluster, home: Home) -> None:
    """The end of a cancel that was signalled while Running, in the version's form; its guest was left alone."""
    check("the migration's end", "Failed", str(outcome.phase), outcome.phase == "Failed")
    seen = {"requested": outcome.abort_requested, "status": outcome.abort_status, "failed": outcome.failed}
    check("abort", {"requested": True, "status": "Succeeded", "failed": True}, seen)
    check(
        "failureReason",
        "it speaks of the abort",
        outcome.failure_reason,
        bool(CANCELLED.search(outcome.failure_reason)),
    )
    resumed_before_the_abort = cluster.version >= (1, 8) and "targetNodeDomainReadyTimestamp" in outcome.state
    if not (outcome.completed and resumed_before_the_abort):
        check("completed", completed_after_cancel(cluster.version), outcome.completed)
    check("endTimestamp", "it is set", outcome.end, outcome.end is not None)
    check_stays(home)


def check_never_handed_off(home: Home) -> None:
    """Nothing of the migration has reached the VMI, and its guest was left alone."""
    check("the VMI's migrationState", None, home.vm.vmi()["status"].get("migrationState"))
    check_stays(home)


def run_unusual(vms: VirtualMachines, needs: str, **options: Any) -> VirtualMachine:
    """A VM of a kind that not every cluster can run, which has been told whether it may migrate.

    One that ends or finds no node is judged by what it was told before; the test is skipped where it was told nothing.
    Options as of `VirtualMachines.create`.
    """
    try:
        vm = vms.create(wait=False, **options)
    except Refused as refused:
        if refused.code != 422:
            raise
        not_applicable(f"the cluster refuses such a VM (it needs {needs}): {refused.message}")

    def settled(vmi: Object) -> bool:
        return vmi["status"].get("phase") in ("Running", "Succeeded", "Failed") or _unschedulable(vmi) is not None

    try:
        vmi = vm.wait("runs, ends or finds no node", settled, START)
    except NotSeen:
        cause = why_not_running(vm.history, vm.name)
        not_exercised(f"such a VM (it needs {needs}) does not come up here: {cause}")
    if vmi["status"].get("phase") != "Running" and find_condition(vmi, "LiveMigratable") is None:
        cause = why_not_running(vm.history, vm.name)
        not_applicable(f"such a VM (it needs {needs}) does not run here: {cause}")
    return vm


def _unschedulable(vmi: Object) -> str | None:
    for condition in vmi["status"].get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return str(condition.get("message"))
    return None
