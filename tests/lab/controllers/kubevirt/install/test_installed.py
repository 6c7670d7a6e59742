"""What the operator creates, by release: webhooks, roles, and a KubeVirt CR that says how far it is."""

from __future__ import annotations

import pytest

from seatrial.lab import kinds
from seatrial.lab.controllers.kubevirt.install import operator_objects
from seatrial.lab.controllers.kubevirt.install.roles import cluster_roles
from seatrial.lab.controllers.kubevirt.install.webhooks import configurations
from seatrial.lab.kube import Object
from seatrial.lab.release import RELEASES, release_of
from tests.kubectl import Kubectl

EVICTIONS = "virt-launcher-eviction-interceptor.kubevirt.io"
SUBRESOURCES = "subresources.kubevirt.io"


def _hooks(version: str) -> dict[str, Object]:
    made = configurations(release_of(version), "authority")
    return {hook["name"]: hook for _, body in made for hook in body.get("webhooks", ())}


def _rules(version: str, role: str) -> set[tuple[str, str]]:
    """The (resource, verb) pairs of a role."""
    made = {body["metadata"]["name"]: body for kind, body in cluster_roles(release_of(version)) if "rules" in body}
    if role not in made:
        return set()
    rules = made[role]["rules"]
    return {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}


@pytest.mark.parametrize("version", RELEASES)
def test_every_webhook_can_be_trusted_and_found(version: str) -> None:
    for hook in _hooks(version).values():
        service = hook["clientConfig"]["service"]
        assert (service["namespace"], service["name"]) == ("kubevirt", "virt-api")
        assert hook["clientConfig"]["caBundle"] == "authority"
        assert hook["timeoutSeconds"] == 10


@pytest.mark.parametrize(
    ("version", "policy"), [("1.3", "Ignore"), ("1.4", "Ignore"), ("1.5", "Fail"), ("1.8", "Fail")]
)
def test_evictions_fail_open_in_old_releases(version: str, policy: str) -> None:
    hook = _hooks(version)[EVICTIONS]
    assert hook["failurePolicy"] == policy
    assert hook["sideEffects"] == "NoneOnDryRun"
    assert ("matchConditions" in hook) is (policy == "Fail")


@pytest.mark.parametrize(("version", "guarded"), [("1.5", False), ("1.6", True)])
def test_hotplug_pods_are_guarded_from_1_6_on(version: str, guarded: bool) -> None:
    assert ("hotplug-pod-eviction-interceptor.kubevirt.io" in _hooks(version)) is guarded


@pytest.mark.parametrize(("version", "may"), [("1.3", True), ("1.4", True), ("1.5", False), ("1.9", False)])
@pytest.mark.parametrize("role", ["kubevirt.io:admin", "kubevirt.io:edit"])
def test_namespace_admins_migrate_up_to_1_4(version: str, may: bool, role: str) -> None:
    rules = _rules(version, role)
    assert (("virtualmachines/migrate", "update") in rules) is may
    assert (("virtualmachineinstancemigrations", "create") in rules) is may
    assert ("virtualmachineinstancemigrations", "get") in rules
    assert ("virtualmachines/start", "update") in rules


@pytest.mark.parametrize(("version", "exists"), [("1.4", False), ("1.5", True), ("1.8", True)])
def test_role_for_migrating(version: str, exists: bool) -> None:
    rules = _rules(version, "kubevirt.io:migrate")
    assert (("virtualmachines/migrate", "update") in rules) is exists
    assert (("virtualmachineinstancemigrations", "deletecollection") in rules) is exists


@pytest.mark.parametrize(("version", "may"), [("1.6", False), ("1.7", True)])
def test_admins_cancel_evacuations_from_1_7_on(version: str, may: bool) -> None:
    assert (("virtualmachines/evacuate/cancel", "update") in _rules(version, "kubevirt.io:admin")) is may


def test_policies_are_written_by_cluster_admins_alone() -> None:
    for role in ("admin", "edit", "view"):
        verbs = {verb for resource, verb in _rules("1.8", f"kubevirt.io:{role}") if resource == "migrationpolicies"}
        assert verbs == {"get", "list", "watch"}


def test_user_applies_a_namespace_and_an_operator() -> None:
    assert [kind.kind for kind, _ in operator_objects(release_of("1.8"))] == [
        "Namespace",
        "ServiceAccount",
        "ClusterRoleBinding",
        "Deployment",
    ]


def test_cr_says_that_kubevirt_is_deployed(kubectl: Kubectl) -> None:
    cr = kubectl.json("get", "kubevirt", "kubevirt", "--namespace=kubevirt")
    status = cr["status"]
    assert status["phase"] == "Deployed"
    assert status["observedGeneration"] == cr["metadata"]["generation"]
    versions = ("observedKubeVirtVersion", "operatorVersion", "targetKubeVirtVersion")
    assert {status[name] for name in versions} == {"v1.8.4"}
    held = {condition["type"]: condition["status"] for condition in status["conditions"]}
    assert held == {"Available": "True", "Progressing": "False", "Degraded": "False", "Created": "True"}


def test_components_run(kubectl: Kubectl) -> None:
    pods = kubectl.json("get", "pods", "--namespace=kubevirt")["items"]
    found = sorted(pod["metadata"]["labels"]["kubevirt.io"] for pod in pods)
    assert found == ["virt-api", *["virt-controller"] * 2, *["virt-handler"] * 3, "virt-operator"]


def test_aggregated_api_is_available(kubectl: Kubectl) -> None:
    for version in ("v1", "v1alpha3"):
        service = kubectl.json("get", "apiservice", f"{version}.{SUBRESOURCES}")
        held = {condition["type"]: condition["status"] for condition in service["status"]["conditions"]}
        assert held["Available"] == "True"


def test_cr_that_is_edited_is_observed(kubectl: Kubectl) -> None:
    edit = '{"spec":{"configuration":{"migrations":{"progressTimeout":151}}}}'
    undo = '{"spec":{"configuration":{"migrations":null}}}'
    for patch in (edit, undo):
        kubectl("patch", "kubevirt", "kubevirt", "--namespace=kubevirt", "--type=merge", "-p", patch)
        generation = kubectl("get", "kv", "kubevirt", "-n", "kubevirt", "-o", "jsonpath={.metadata.generation}")
        wanted = f"--for=jsonpath={{.status.observedGeneration}}={generation}"
        kubectl("wait", "kv/kubevirt", "--namespace=kubevirt", wanted, "--timeout=10s")


def test_fields_of_a_migration_are_explained(kubectl: Kubectl) -> None:
    said = kubectl("explain", "vmi.status.migrationState")
    assert "abortStatus\t<string>" in said
    assert "What became of the abort: Aborting, Succeeded or Failed." in said.replace("\n    ", " ")


def test_kinds_are_listed_with_their_group(kubectl: Kubectl) -> None:
    assert kinds.KUBEVIRT.plural in kubectl("api-resources", "--api-group=kubevirt.io")
