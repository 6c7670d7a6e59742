"""virt-api as users meet it, through the API server, by the real kubectl: admission, subresources, rights."""

from __future__ import annotations

import json

import pytest

from tests.kubectl import SUBRESOURCES, Kubectl

VM = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachine",
    "metadata": {"name": "halted"},
    "spec": {
        "runStrategy": "Halted",
        "template": {"spec": {"domain": {"devices": {}, "memory": {"guest": "64Mi"}}}},
    },
}
MIGRATION = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachineInstanceMigration",
    "metadata": {"name": "m"},
    "spec": {"vmiName": "nosuch"},
}


def test_refusal_names_its_webhook(kubectl: Kubectl) -> None:
    said = kubectl.refused("create", "-f", "-", stdin=json.dumps(MIGRATION))
    webhook = 'admission webhook "migration-create-validator.kubevirt.io" denied the request: '
    assert said.endswith(f'{webhook}the VMI "{kubectl.namespace}/nosuch" does not exist\n')


def test_deprecated_field_is_warned_about(kubectl: Kubectl) -> None:
    spec = {"running": False, "template": VM["spec"]["template"]}  # type: ignore[index]
    done = kubectl.run("create", "-f", "-", stdin=json.dumps({**VM, "spec": spec}))
    assert (done.returncode, done.stderr) == (
        0,
        "Warning: spec.running is deprecated, please use spec.runStrategy instead.\n",
    )


def test_halted_vm_cannot_be_migrated_or_restarted(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=json.dumps(VM))
    for verb, text in (
        ("migrate", '(NotFound): virtualmachineinstance.kubevirt.io "halted" not found'),
        ("stop", "VM is not running"),
        ("restart", "RunStategy Halted does not support manual restart requests"),
    ):
        path = kubectl.subresource(f"virtualmachines/halted/{verb}")
        assert text in kubectl.refused("replace", "--raw", path, "-f", "-", stdin="{}")


@pytest.mark.parametrize("version", ["v1", "v1alpha3"])
def test_group_is_discovered(kubectl: Kubectl, version: str) -> None:
    path = f"/apis/subresources.kubevirt.io/{version}"
    listed = json.loads(kubectl("get", "--raw", path))
    assert listed["kind"] == "APIResourceList"
    assert listed["groupVersion"] == f"subresources.kubevirt.io/{version}"
    names = {item["name"] for item in listed["resources"]}
    assert {"virtualmachines/migrate", "virtualmachineinstances/pause", "virtualmachineinstances/console"} <= names


def test_version_and_health(kubectl: Kubectl) -> None:
    assert json.loads(kubectl("get", "--raw", f"{SUBRESOURCES}/version"))["gitVersion"] == "v1.8.4"
    assert kubectl("get", "--raw", f"{SUBRESOURCES}/healthz") == "ok"


def test_admin_of_a_namespace_may_start_but_not_migrate(kubectl: Kubectl) -> None:
    kubectl("create", "serviceaccount", "admin")
    account = f"system:serviceaccount:{kubectl.namespace}:admin"
    granted = f"--serviceaccount={kubectl.namespace}:admin"
    kubectl("create", "rolebinding", "admin", "--clusterrole=admin", granted)
    kubectl("create", "-f", "-", stdin=json.dumps(VM))
    path = kubectl.subresource("virtualmachines/halted/")
    said = kubectl.refused("replace", "--raw", f"{path}migrate", "--as", account, "-f", "-", stdin="{}")
    assert 'cannot update resource "virtualmachines/migrate" in API group "subresources.kubevirt.io"' in said
    kubectl("create", "rolebinding", "migrate", "--clusterrole=kubevirt.io:migrate", granted)
    said = kubectl.refused("replace", "--raw", f"{path}migrate", "--as", account, "-f", "-", stdin="{}")
    assert "(NotFound)" in said, "allowed, but there is nothing to migrate"


def test_guest_without_agent_tells_nothing(testvm: Kubectl) -> None:
    path = testvm.subresource("virtualmachineinstances/testvm/guestosinfo")
    assert "VMI does not have guest agent connected" in testvm.refused("get", "--raw", path)


def test_status_written_by_a_user_is_put_back(testvm: Kubectl) -> None:
    testvm("patch", "vmi", "testvm", "--type=merge", "-p", '{"status":{"nodeName":"elsewhere"}}')
    assert testvm.value("vmi/testvm", ".status.nodeName") != "elsewhere"


def test_users_may_not_change_a_running_guest(testvm: Kubectl) -> None:
    said = testvm.refused("patch", "vmi", "testvm", "--type=merge", "-p", '{"spec":{"hostname":"x"}}')
    assert "update of VMI object is restricted" in said
    said = testvm.refused("label", "vmi", "testvm", "kubevirt.io/nodeName=x", "--overwrite")
    assert "modification of the following reserved kubevirt.io/ labels on a VMI object is prohibited" in said
