"""The rights in deploy/ suffice for what they are for, and a run that lacks one of them says which."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seatrial.fixtures.api import Api
from seatrial.fixtures.cluster import Cluster
from seatrial.fixtures.kinds import CLUSTER_ROLE, KUBEVIRT, NAMESPACE, NODE, ROLE, Kind, Object
from seatrial.fixtures.leases import SYSTEM
from seatrial.fixtures.preflight import check_cluster, connect
from seatrial.fixtures.problem import NotReady
from tests.deploy.manifests import objects, one
from tests.endtoend.commands import PYTEST, SUITE, Done, run

SOME = "subresource_migrates or cancel_while_pending or answers_again or role_for_migration"
CHANGE = """
import pytest

@pytest.mark.exclusive
def test_change(cluster, kubevirt_config):
    kubevirt_config.change({"migrations": {"parallelMigrationsPerCluster": 7}})
    assert cluster.kubevirt()["spec"]["configuration"]["migrations"]["parallelMigrationsPerCluster"] == 7
"""


def try_out(kubeconfig: Path, folder: Path, *options: object) -> Done:
    return run([*PYTEST, "--kubeconfig", kubeconfig, "--time-scale", "0.3", *options], folder)


@contextmanager
def without(admin: Api, kind: Kind, verb: str, resource: str) -> Iterator[None]:
    """The account without one right."""
    namespace = SYSTEM if kind is ROLE else None
    role = admin.get(kind, "seatrial", namespace)
    less = copy.deepcopy(role)
    for rule in less["rules"]:
        if resource in rule["resources"]:
            rule["verbs"] = [granted for granted in rule["verbs"] if granted != verb] or ["none"]
    admin.replace(kind, less)
    try:
        yield
    finally:
        now = admin.get(kind, "seatrial", namespace)
        admin.replace(kind, {**now, "rules": role["rules"]})


def test_the_rights_suffice_and_leave_nothing_behind(admin: Api, kubeconfig: Path, tmp_path: Path) -> None:
    done = try_out(kubeconfig, tmp_path, "-k", SOME, SUITE)
    assert (done.status, done.outcomes["passed"], set(done.outcomes)) == (0, 4, {"passed", "deselected"}), done.text
    assert "still being deleted" not in done.text
    home = admin.get(NAMESPACE, SYSTEM)
    assert [name for name in home["metadata"].get("annotations") or () if "seatrial" in name] == []


def test_a_user_who_may_not_make_namespaces_is_told_before_the_first_test(admin: Api, kubeconfig: Path) -> None:
    api = connect(str(kubeconfig), None)
    with without(admin, CLUSTER_ROLE, "create", "namespaces"), pytest.raises(NotReady, match="may not create namesp"):
        check_cluster(Cluster(api))


def test_a_run_that_lacks_a_right_of_its_own_namespace_does_not_begin(
    admin: Api, kubeconfig: Path, tmp_path: Path
) -> None:
    with without(admin, ROLE, "create", "leases"):
        done = try_out(kubeconfig, tmp_path, "-k", "missing_vmi", SUITE)
    assert done.status == 2, done.text
    assert re.search(f"cannot make itself known in namespace {SYSTEM}: .*leases", done.text), done.text


def test_a_test_that_lacks_a_right_says_which(admin: Api, kubeconfig: Path, tmp_path: Path) -> None:
    with without(admin, CLUSTER_ROLE, "bind", "clusterroles"):
        done = try_out(kubeconfig, tmp_path, "-k", "role_for_migration", SUITE)
    assert (done.status, done.outcomes["failed"]) == (1, 1), done.text
    assert "is attempting to grant RBAC permissions not currently held" in done.text


def test_disruptive_rights_are_apart_and_suffice(admin: Api, kubeconfig: Path, tmp_path: Path) -> None:
    changing = tmp_path / "test_change.py"
    changing.write_text(CHANGE, encoding="utf-8")
    before = admin.list(KUBEVIRT)[0]["spec"]
    for kind, obj in objects("rbac-disruptive.yaml"):
        admin.create(kind, obj)
    done = try_out(kubeconfig, tmp_path, changing)
    assert (done.status, done.outcomes) == (0, {"passed": 1}), done.text
    assert admin.list(KUBEVIRT)[0]["spec"] == before


def test_disruptive_rights_suffice_for_a_drain(admin: Api, kubeconfig: Path, tmp_path: Path) -> None:
    """A node is cordoned and tainted with them, VMs leave it, and it is as before."""
    for kind, obj in objects("rbac-disruptive.yaml"):
        if admin.find(kind, obj["metadata"]["name"], obj["metadata"].get("namespace")) is None:
            admin.create(kind, obj)
    before = {node["metadata"]["name"]: node["spec"] for node in admin.list(NODE)}
    tests = "drain_taint_empties or leave_a_node or told_of or called_off or budgets"
    files = sorted({*SUITE.glob("test_drain.py"), *SUITE.glob("test_eviction*.py"), *SUITE.glob("test_work*.py")})
    done = try_out(kubeconfig, tmp_path, "-k", tests, "--profile", "full", "--allow", "cordon", *files)
    assert (done.status, done.outcomes["passed"]) == (0, 5), done.text
    assert {node["metadata"]["name"]: node["spec"] for node in admin.list(NODE)} == before


def test_rights_for_the_migration_network_are_apart_and_suffice(admin: Api, kubeconfig: Path, tmp_path: Path) -> None:
    """Without them what is counted is skipped, with them all is tried, and all is as before."""
    suite = sorted(SUITE.glob("test_migration_network*.py"))
    less = try_out(kubeconfig, tmp_path, "-k", "crosses_only_where_configured", "-rs", *suite)
    assert less.outcomes.keys() == {"skipped", "deselected"}, less.text
    assert "deploy/rbac-migration-network.yaml gives it" in less.out
    before = admin.list(KUBEVIRT)[0]["spec"]
    for name in ("rbac-disruptive.yaml", "rbac-migration-network.yaml"):
        for kind, obj in objects(name):
            if admin.find(kind, obj["metadata"]["name"], obj["metadata"].get("namespace")) is None:
                admin.create(kind, obj)
    tests = "new_network or do_not_reach or closes_the_ports"
    done = try_out(kubeconfig, tmp_path, "-k", tests, "--allow", "migration-network", *suite)
    assert (done.status, done.outcomes["passed"]) == (0, 5), done.text
    assert admin.list(KUBEVIRT)[0]["spec"] == before


def test_rights_for_chaos_are_apart_and_suffice(admin: Api, kubeconfig: Path, tmp_path: Path) -> None:
    """Without them what hits a VM is skipped, with them each kind of fault is tried."""
    suite, allowed = SUITE.parent / "chaos", ("--profile", "full", "--allow", "control-plane")
    less = try_out(kubeconfig, tmp_path, "-k", "vm-deleted-both-Pending", "-rs", *allowed, suite)
    assert less.outcomes.keys() == {"skipped", "deselected"}, less.text
    assert "deploy/rbac-chaos.yaml gives it" in less.out
    for kind, obj in objects("rbac-chaos.yaml"):
        admin.create(kind, obj)
    tests = "killed-target-TargetReady or deleted-both-Scheduling or lost-both-Scheduling"
    tests += " or rollout-source-TargetReady or cancelled-both-Scheduling"
    done = try_out(kubeconfig, tmp_path, "-k", tests, *allowed, suite)
    assert (done.status, done.outcomes["passed"]) == (0, 9), done.text


def test_rights_for_chaos_of_the_cluster_are_apart_and_suffice(admin: Api, kubeconfig: Path, tmp_path: Path) -> None:
    """Without them no write is refused, with them each kind of fault is tried, and nodes are as before."""
    suite, classes = SUITE.parent / "chaos", ("cordon", "node-failure", "network", "control-plane")
    allowed = ("--profile", "full", *(part for name in classes for part in ("--allow", name)))
    less = try_out(kubeconfig, tmp_path, "-k", "writes-refused-both-Pending", "-rs", *allowed, suite)
    assert less.outcomes.keys() == {"skipped", "deselected"}, less.text
    assert "deploy/rbac-chaos-cluster.yaml gives it" in less.out
    for name in ("rbac-chaos.yaml", "rbac-chaos-cluster.yaml"):
        for kind, obj in objects(name):
            if admin.find(kind, obj["metadata"]["name"], obj["metadata"].get("namespace")) is None:
                admin.create(kind, obj)
    before = {node["metadata"]["name"]: node["spec"] for node in admin.list(NODE)}
    tests = (
        "link-narrowed-source-Running",
        "kubelet-stopped-target-Running",
        "node-tainted-source-Scheduling",
        "writes-refused-both-Running",
        "quota-filled-both-Pending",
    )
    done = try_out(kubeconfig, tmp_path, "-k", " or ".join(tests), *allowed, suite)
    assert (done.status, done.outcomes["passed"]) == (0, len(tests)), done.text
    assert {node["metadata"]["name"]: node["spec"] for node in admin.list(NODE)} == before


RIGHTS = (
    "rbac.yaml",
    "rbac-disruptive.yaml",
    "rbac-migration-network.yaml",
    "rbac-chaos.yaml",
    "rbac-chaos-cluster.yaml",
    "rbac-namespace.yaml",
)


@pytest.mark.parametrize("name", RIGHTS)
def test_nothing_is_granted_by_wildcard(name: str) -> None:
    rules = [rule for kind, obj in objects(name) if kind in (CLUSTER_ROLE, ROLE) for rule in obj["rules"]]
    assert rules
    assert [rule for rule in rules if any("*" in part for values in rule.values() for part in values)] == []


def test_no_role_can_be_given_away_but_the_two_that_are_tried() -> None:
    rules: list[Object] = one("rbac.yaml", CLUSTER_ROLE)["rules"]
    binding = [rule for rule in rules if "bind" in rule["verbs"]]
    assert [rule["resourceNames"] for rule in binding] == [["admin", "kubevirt.io:migrate"]]
    assert [rule for rule in rules if "escalate" in rule["verbs"] or "impersonate" in rule["verbs"]] == []
