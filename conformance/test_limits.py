"""The queue of migrations: how many at once, who is next, that everybody's turn comes, and what is said meanwhile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import ceil

import pytest

from seatrial.fixtures import (
    Cluster,
    History,
    KubeVirtConfig,
    Migration,
    Migrations,
    Phase,
    Policies,
    Refused,
    Report,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
    not_applicable,
    not_exercised,
)
from seatrial.fixtures.kinds import MIGRATION, POD, Object
from seatrial.fixtures.outcome import phase_of

from .configuration import Limits, limits
from .fullnode import MOST, TURN, begun, fill
from .queueing import Peaks, check_limits, gather, peaks, tell_waits, turns

pytestmark = pytest.mark.usefixtures("two_nodes")
STORM = 50
SLOW = "24Mi"
"""A second, so that migrations of small guests last long enough to meet."""
SECONDS_PER_VM = 10.0
"""Of a storm's limit, beside one migration's: the last of a queue waits for all the others."""
GATE = "MigrationPriorityQueue"
EVACUATES = "kubevirt.io/evacuationMigration"
CRITICAL = "system-critical"
OTHER_CAUSES = {"migrationRejectedByResourceQuota", "migrationBlockedByUtilityVolumes", "migrationBlockedByBackup"}
"""Conditions by which a migration says that it waits for something else than its turn."""
CONTROLLER, CONTAINER = "kubevirt.io=virt-controller", "virt-controller"
REASON = re.compile(r"Waiting to schedule target pod[^\"]*")


@pytest.mark.requirement("LIM-01")
def test_a_few_at_once_keep_a_nodes_limit(
    cluster: Cluster, stage: Stage, vms: VirtualMachines, policies: Policies, history: History, report: Report
) -> None:
    """More at once from one node than may leave it; they are slow enough to meet."""
    allowed = limits(cluster)
    policies.create(bandwidthPerMigration=SLOW)
    few = gather(stage, vms, min(allowed.node + 2, MOST), cluster.migration_nodes[0])
    _tell_reached(_migrate_all(cluster, few, history, report), allowed, report)


@pytest.mark.requirement("LIM-01")
def test_more_at_once_keep_the_clusters_limit(
    cluster: Cluster, stage: Stage, vms: VirtualMachines, policies: Policies, history: History, report: Report
) -> None:
    """More at once than may be under way in the cluster; they are slow enough to meet."""
    allowed = limits(cluster)
    policies.create(bandwidthPerMigration=SLOW)
    more = gather(stage, vms, min(allowed.cluster + 3, MOST))
    _tell_reached(_migrate_all(cluster, more, history, report), allowed, report)


@pytest.mark.exclusive
@pytest.mark.requirement("LIM-06")
def test_a_storm_keeps_the_limits_and_ends(
    cluster: Cluster, stage: Stage, vms: VirtualMachines, history: History, report: Report
) -> None:
    """Many migrations at once: the limits hold and are made use of, every one has its turn and succeeds."""
    allowed, elsewhere = limits(cluster), _unfinished(cluster)
    storm = gather(stage, vms, STORM)
    found = _migrate_all(cluster, storm, history, report)
    _tell_reached(found, allowed, report)
    if not elsewhere:
        fullest = max(peak.count for peak in found.nodes.values())
        text = f"migrations under way from the node that most leave, of {len(storm)}"
        check(text, f"{allowed.node}, as many as are allowed", fullest, holds=fullest == min(allowed.node, fullest))


def _migrate_all(cluster: Cluster, storm: Sequence[VirtualMachine], history: History, report: Report) -> Peaks:
    """Migrate all at once, first those from crowded nodes; the most that were under way, within the limits."""
    allowed = limits(cluster)
    homes = [vm.node() for vm in storm]
    crowded = max((homes.count(node) for node in homes), default=0)
    if crowded <= allowed.node:
        seen = f"{crowded} of {len(storm)}, {allowed.node} may"
        not_exercised(f"no node has more VMs than may leave it at once: {seen}")
    asked = [vm.migrate() for vm in sorted(storm, key=lambda vm: -homes.count(vm.node()))]
    for migration in asked:
        migration.wait_succeeded(TURN + SECONDS_PER_VM * len(storm))
    found = peaks(history, until_the_end=cluster.version >= (1, 6))
    check_limits(found, allowed)
    tell_waits(report, history, f"{len(storm)} migrations at once")
    return found


def _tell_reached(found: Peaks, allowed: Limits, report: Report) -> None:
    report.measure(f"most migrations at once (limit {allowed.cluster})", found.cluster.count, "")
    most = max(peak.count for peak in found.nodes.values())
    report.measure(f"most migrations from one node at once (limit {allowed.node})", most, "")


def _unfinished(cluster: Cluster) -> list[str]:
    """Migrations that others have under way."""
    ended = ("Succeeded", "Failed")
    found = [item for item in cluster.api.list(MIGRATION) if (item.get("status") or {}).get("phase") not in ended]
    return [f"{item['metadata']['namespace']}/{item['metadata']['name']}" for item in found]


@pytest.mark.exclusive
@pytest.mark.requirement("LIM-10")
def test_changed_limits_hold(
    cluster: Cluster,
    stage: Stage,
    vms: VirtualMachines,
    policies: Policies,
    kubevirt_config: KubeVirtConfig,
    history: History,
) -> None:
    """Limits below the defaults, set in the KubeVirt object, are kept from the next migration on."""
    policies.create(bandwidthPerMigration=SLOW)
    few = gather(stage, vms, len(cluster.migration_nodes[:3]) + 1)
    kubevirt_config.change({"migrations": {"parallelMigrationsPerCluster": 2, "parallelOutboundMigrationsPerNode": 1}})
    for migration in [vm.migrate() for vm in few]:
        migration.wait_succeeded(TURN + SECONDS_PER_VM * len(few))
    check_limits(peaks(history, until_the_end=cluster.version >= (1, 6)), Limits(2, 1))


@pytest.mark.requirement("LIM-08")
def test_who_waits_has_a_turn(stage: Stage, vms: VirtualMachines, policies: Policies, report: Report) -> None:
    """Where one place is free and another stays taken, all that wait go through it, one after the other."""
    full = fill(stage, vms, policies, others=2)
    waiting = [vm.migrate() for vm in full.others]
    for migration in waiting:
        migration.wait_phase("Pending")
    full.free_one()
    for migration in waiting:
        migration.wait_succeeded(TURN)
    check_limits(peaks(full.history, until_the_end=stage.cluster.version >= (1, 6)), limits(stage.cluster))
    report.measure("from a free place to the next migration", full.seconds_to_next(), "s")


@pytest.mark.requirement("LIM-09")
def test_who_waits_is_told_of(
    stage: Stage, vms: VirtualMachines, policies: Policies, history: History, report: Report
) -> None:
    """It is Pending without a pod and blames nothing else; virt-controller's log names the limit."""
    full = fill(stage, vms, policies, others=1)
    (vm,) = full.others
    migration = vm.migrate()
    migration.wait_phase("Pending")
    waits = not begun(migration)
    full.free()
    history.wait("it has its turn", lambda _: begun(migration), TURN)
    seen = "it waits" if waits else "it had its turn at once"
    check("a migration whose node's places are taken", "waits for its turn", seen, holds=waits)
    said = [seen.object for seen in history.versions(MIGRATION.kind, uid=migration.uid)]
    told = _conditions([version for version in said if phase_of(version) is Phase.PENDING])
    check("conditions of the migration that waits", "none of another cause", told, holds=not told & OTHER_CAUSES)
    log = _reasons(stage, vm)
    report.note(f"of a migration that waits its status says: Pending, conditions {', '.join(sorted(told)) or 'none'}")
    report.note(f"virt-controller says: {log[0] if log else 'nothing'}")
    check("what is said of the migration that waits", "which limit it waits for", log, holds=bool(log))


def _conditions(versions: Sequence[Object]) -> set[str]:
    return {item["type"] for version in versions for item in version["status"].get("conditions") or ()}


def _reasons(stage: Stage, vm: VirtualMachine) -> list[str]:
    """What virt-controller has said since the test began of a limit that keeps a VM's migration back."""
    cluster, since = stage.cluster, ceil(stage.history.elapsed()) + 60
    pods = cluster.api.list(POD, cluster.install_namespace, labels=CONTROLLER)
    logs = [cluster.api.log(pod["metadata"]["name"], cluster.install_namespace, CONTAINER, since) for pod in pods]
    about = f"[{vm.namespace}/{vm.name}]"
    lines = [line for log in logs for line in log.splitlines() if about in line and "limit" in line]
    return [found.group() if (found := REASON.search(line)) else line for line in lines]


@pytest.mark.requirement("LIM-02")
def test_only_virt_controller_sets_a_priority(vms: VirtualMachines, migrations: Migrations) -> None:
    """A user who asks for one is refused, whether priorities are in use or not."""
    vm = vms.create(running=False)
    with pytest.raises(Refused) as refused:
        migrations.create(vm.name, spec={"priority": CRITICAL})
    check("code", 422, refused.value.code)
    check("field", ["spec.migrationPriority"], [cause.field for cause in refused.value.causes])


@pytest.mark.exclusive
@pytest.mark.requirement("LIM-02")
def test_evictions_overtake(stage: Stage, vms: VirtualMachines, policies: Policies, report: Report) -> None:
    """When places are free, who was evicted last goes before who was asked to migrate first.

    One may slip through: KubeVirt looks for the most urgent a moment after a place is free.
    """
    if GATE not in stage.cluster.feature_gates and stage.cluster.version < (1, 9):
        not_applicable(f"feature gate {GATE} is off, so that no migration has a priority")
    full = fill(stage, vms, policies, others=5)
    asked = [vm.migrate() for vm in full.others[:3]]
    for migration in asked:
        migration.wait_phase("Pending")
    urgent = [_evict(stage, vm) for vm in full.others[3:]]
    if any(begun(migration) for migration in asked):
        pytest.skip("not exercised: a migration had its turn although its node's places were taken")
    full.free()
    for migration in (*asked, *urgent):
        migration.wait_succeeded(TURN)
    order = [turn.name for turn in turns(stage.history) if turn.name not in {item.name for item in full.blockers}]
    names = [migration.name for migration in urgent]
    last = max(order.index(name) for name in names)
    ahead = [name for name in order[:last] if name not in names]
    if ahead:
        report.note(f"{', '.join(ahead)} went before an eviction: order {', '.join(order)}")
    check("order of the turns", f"{', '.join(names)} first", ", ".join(order), holds=len(ahead) <= 1)


def _evict(stage: Stage, vm: VirtualMachine) -> Migration:
    """Evict a VM's pod; the urgent migration that KubeVirt makes of it, when that is Pending."""
    vm.wait_migratable()
    name = vm.active_pod()["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": vm.namespace}}
    with pytest.raises(Refused) as refused:
        stage.api.post_subresource(POD, name, vm.namespace, "eviction", body)
    check("code of the eviction's answer", 429, refused.value.code)
    found = stage.history.wait(f"{vm.name} is evacuated", lambda seen: _evacuation(seen, vm), TURN)
    check("priority of the evacuation", CRITICAL, found["spec"].get("priority"))
    migration = Migration(stage, found["metadata"]["name"], found["metadata"]["uid"], vm.name)
    migration.wait_phase("Pending")
    return migration


def _evacuation(history: History, vm: VirtualMachine) -> Object | None:
    made = (item for item in history.objects(MIGRATION.kind) if item["spec"]["vmiName"] == vm.name)
    return next((item for item in made if EVACUATES in (item["metadata"].get("annotations") or {})), None)
