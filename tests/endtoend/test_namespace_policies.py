"""Clusters that want something of namespaces, or of what is in them; and users who may create no namespaces."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import (
    LEASE,
    MIGRATION,
    NAMESPACE,
    POD,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    VIRTUAL_MACHINE,
    Object,
)
from seatrial.fixtures.leases import RUN_LABEL
from seatrial.fixtures.namespaces import ENFORCE
from tests.endtoend.clusters import Ways
from tests.endtoend.commands import PYTEST, SEATRIAL, SUITE, Done, run
from tests.endtoend.leftovers import traces
from tests.front.policy import NAME, policy

USAGE, INCONCLUSIVE = 2, 3
ONE = ("-k", "test_creating_a_migration_moves_the_vm")
READS: tuple[Object, ...] = (
    {"apiGroups": ["kubevirt.io"], "resources": ["kubevirts"], "verbs": ["get", "list"]},
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]},
    {"apiGroups": ["storage.k8s.io"], "resources": ["storageclasses"], "verbs": ["list"]},
)
"""What is read of the cluster by whoever shares a namespace."""


@dataclass(frozen=True)
class Sharer:
    """A user who may do everything in a namespace that somebody else has made, and little else."""

    namespace: str
    kubeconfig: Path


@pytest.fixture
def sharer(tmp_path: Path, kubeconfig: Path, api: Api) -> Iterator[Sharer]:
    """In the namespace there is a Service that has nothing to do with us."""
    name = f"team-{secrets.token_hex(3)}"
    api.create(NAMESPACE, {"metadata": {"name": name}})
    ways = Ways(tmp_path, kubeconfig, api)
    config = ways.account(name, *READS)
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    api.create(ROLE_BINDING, {"metadata": {"name": "all"}, "subjects": [subject], "roleRef": role}, name)
    api.create(SERVICE, {"metadata": {"name": "not-ours"}, "spec": {"ports": [{"port": 80}]}}, name)
    yield Sharer(name, config)
    ways.forget(name)
    api.delete(NAMESPACE, name)


def certify(folder: Path, kubeconfig: Path, *options: object) -> Done:
    command = [*SEATRIAL, "certify", "--kubeconfig", kubeconfig, "--suite", "conformance", "--output", "report"]
    return run([*command, *options], folder)


def records(folder: Path, type: str) -> list[dict[str, Any]]:
    lines = (folder / "report" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["type"] == type]


def outcomes(folder: Path) -> dict[str, str]:
    return {record["test"].rpartition("::")[2]: record["outcome"] for record in records(folder, "test")}


def assert_one_sentence(done: Done, *said: str) -> None:
    assert done.status == USAGE, done.text
    (line,) = done.err.strip().splitlines()
    for part in said:
        assert re.search(part, line), line
    assert "Traceback" not in done.text


def without_owner(obj: Object) -> str | None:
    labels, annotations = obj["metadata"].get("labels") or {}, obj["metadata"].get("annotations") or {}
    fine = "owner" in labels and annotations.get("cost-centre") == "42"
    return None if fine else "a namespace needs the label owner and the annotation cost-centre"


def privileged(obj: Object) -> str | None:
    labels = obj["metadata"].get("labels") or {}
    return "no namespace may be privileged" if labels.get(ENFORCE) == "privileged" else None


@pytest.mark.parametrize("front", ["certify", "pytest"])
def test_labels_that_namespaces_need(tmp_path: Path, kubeconfig: Path, api: Api, front: str) -> None:
    command: list[object] = [*SEATRIAL, "certify"] if front == "certify" else [*PYTEST, SUITE]
    with policy(api, tmp_path, without_owner, "namespaces"):
        done = run([*command, "--kubeconfig", kubeconfig], tmp_path)
    assert_one_sentence(
        done,
        f'admission webhook "{NAME}" denied the request: a namespace needs the label owner',
        "--namespace-label KEY=VALUE or --namespace-annotation KEY=VALUE, or .* --namespace NAME",
    )
    assert traces(api) == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_labels_that_are_given(tmp_path: Path, kubeconfig: Path, api: Api, workers: str) -> None:
    given = ("--namespace-label", "owner=me", "--namespace-annotation", "cost-centre=42")
    with policy(api, tmp_path, without_owner, "namespaces"):
        done = certify(tmp_path, kubeconfig, *given, "-n", workers, *ONE)
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    assert set(outcomes(tmp_path).values()) == {"passed"}
    assert traces(api) == []


def test_the_level_of_pod_security_that_is_not_allowed(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    with policy(api, tmp_path, privileged, "namespaces"):
        done = certify(tmp_path, kubeconfig, *ONE)
        assert_one_sentence(
            done, f"does not let a namespace be labelled {ENFORCE}=privileged: .*no namespace may be", f"{ENFORCE}-"
        )
        done = certify(tmp_path, kubeconfig, "--namespace-label", f"{ENFORCE}-", *ONE)
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    assert set(outcomes(tmp_path).values()) == {"passed"}
    assert traces(api) == []


def test_vms_that_are_refused(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    with policy(api, tmp_path, lambda obj: "a VM needs an owner", "virtualmachines", "secrets"):
        done = certify(tmp_path, kubeconfig)
    assert_one_sentence(
        done, "Secret: admission webhook .* a VM needs an owner; VirtualMachine: admission webhook", "--vm-template"
    )
    assert traces(api) == []


def test_what_only_some_tests_need(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    with policy(api, tmp_path, lambda obj: "no accounts here", "serviceaccounts"):
        done = certify(tmp_path, kubeconfig, "-n", "1", "-k", "test_permissions or test_creating_a_migration_moves")
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    (problem,) = records(tmp_path, "problem")
    assert problem["severity"] == "inconclusive"
    assert "ServiceAccount: admission webhook" in problem["message"]
    assert problem["message"].endswith("Not tested without it: who may migrate.")
    told = outcomes(tmp_path)
    assert told.pop("test_creating_a_migration_moves_the_vm") == "passed"
    assert set(told.values()) == {"skipped"}, done.text


def test_webhooks_that_take_no_dry_runs_are_left_to_the_tests(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    with policy(api, tmp_path, lambda obj: None, "serviceaccounts", "secrets", side_effects="Unknown"):
        done = certify(tmp_path, kubeconfig, "-n", "1", *ONE)
    assert set(outcomes(tmp_path).values()) == {"passed"}, done.text


OPTIONS = {
    "--namespace-label owner": "owner is no label or annotation of a namespace",
    "--namespace-label =me": "is no label or annotation of a namespace",
    "--namespace-label owner=not/a/value": "owner is no key with a value that Kubernetes would take",
    "--namespace-label seatrial.io/run=x": r"seatrial\.io/run is one of seatrial's own",
    "--namespace-annotation a//b=x": "a//b is no key",
    "--namespace a --namespace-label b=c": "Leave the one or the other away",
    "--namespace UPPER": "'UPPER' is no name of a namespace",
    "--namespace nowhere": "There is no namespace nowhere on https://",
}


@pytest.mark.parametrize("options", OPTIONS)
def test_options_that_make_no_sense(tmp_path: Path, kubeconfig: Path, options: str) -> None:
    assert_one_sentence(certify(tmp_path, kubeconfig, *options.split()), OPTIONS[options])


def test_a_namespace_that_is_shared(tmp_path: Path, sharer: Sharer, api: Api) -> None:
    assert_one_sentence(certify(tmp_path, sharer.kubeconfig), "may not create namespaces .* --namespace NAME")
    tests = "-k", "creating_a_migration or test_service or test_permissions or an_eviction_becomes"
    done = certify(tmp_path, sharer.kubeconfig, "--namespace", sharer.namespace, *tests)
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    told = {record["test"].rpartition("::")[2]: record for record in records(tmp_path, "test")}
    wrong = {name: record["reason"] for name, record in told.items() if record["outcome"] not in ("passed", "skipped")}
    assert wrong == {}, done.text
    assert {record["namespace"] for record in told.values()} == {sharer.namespace}
    assert sum(record["outcome"] == "passed" for record in told.values()) == 7, done.text
    assert traces(api) == []
    assert [item["metadata"]["name"] for item in api.list(SERVICE, sharer.namespace)] == ["not-ours"]
    assert [api.list(kind, sharer.namespace) for kind in (SECRET, MIGRATION, POD)] == [[], [], []]
    assert [item for item in api.list(SERVICE_ACCOUNT, sharer.namespace) if item["metadata"]["name"] != "default"] == []


def test_what_cannot_be_tested_in_a_shared_namespace(tmp_path: Path, sharer: Sharer) -> None:
    tests = "test_cancel_while_pending or cancel_in_post_copy"
    done = certify(tmp_path, sharer.kubeconfig, "--namespace", sharer.namespace, "-k", tests)
    reasons = {record["test"].rpartition("::")[2]: record["reason"] for record in records(tmp_path, "test")}
    assert len(reasons) == 2, done.text
    shared = f"which --namespace does not allow: namespace {sharer.namespace} is shared"
    assert reasons["test_cancel_while_pending"].endswith(shared)
    assert 'cannot create resource "migrationpolicies"' in reasons["test_a_cancel_in_post_copy_does_not_abort"]


def halted(name: str, **labels: str) -> Object:
    """A VM that does nothing."""
    template = {"spec": {"domain": {"memory": {"guest": "64Mi"}, "devices": {}}}}
    return {"metadata": {"name": name, "labels": labels}, "spec": {"runStrategy": "Halted", "template": template}}


def test_vms_of_others_in_a_namespace_to_be_shared(tmp_path: Path, sharer: Sharer, api: Api) -> None:
    api.create(VIRTUAL_MACHINE, halted("precious"), sharer.namespace)
    done = certify(tmp_path, sharer.kubeconfig, "--namespace", sharer.namespace)
    assert_one_sentence(done, r"virtualmachines of others \(precious\)")
    assert api.get(VIRTUAL_MACHINE, "precious", sharer.namespace)


def test_what_a_killed_run_left_in_a_shared_namespace(tmp_path: Path, sharer: Sharer, api: Api) -> None:
    labels = {RUN_LABEL: "dead"}
    api.create(SECRET, {"metadata": {"name": "seatrial-guest", "labels": labels}}, sharer.namespace)
    api.create(VIRTUAL_MACHINE, halted("left", **labels), sharer.namespace)
    old = {"holderIdentity": "x", "leaseDurationSeconds": 1, "renewTime": "2026-01-01T00:00:00.000000Z"}
    api.create(LEASE, {"metadata": {"name": "run-dead", "labels": labels}, "spec": old}, sharer.namespace)
    done = certify(tmp_path, sharer.kubeconfig, "--namespace", sharer.namespace)
    assert_one_sentence(done, "VirtualMachine of run dead", f"sweep --namespace {sharer.namespace}")
    sweep = [*SEATRIAL, "sweep", "--kubeconfig", sharer.kubeconfig, "--namespace", sharer.namespace]
    told = run([*sweep, "--dry-run"], tmp_path)
    assert f"run dead (ended): VirtualMachine {sharer.namespace}/left" in told.out, told.text
    swept = run(sweep, tmp_path)
    assert (swept.status, swept.err) == (0, ""), swept.text
    assert traces(api) == []


def test_a_sweep_of_the_whole_cluster_finds_it_too(tmp_path: Path, kubeconfig: Path, sharer: Sharer, api: Api) -> None:
    body = {"metadata": {"name": "seatrial-guest", "labels": {RUN_LABEL: "dead"}}}
    api.create(SECRET, body, sharer.namespace)
    swept = run([*SEATRIAL, "sweep", "--kubeconfig", kubeconfig], tmp_path)
    assert (swept.status, swept.out) == (0, "run dead: deleted Secret seatrial-guest\n"), swept.text
    assert traces(api) == []
