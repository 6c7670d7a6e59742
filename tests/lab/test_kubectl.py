"""What users ask kubectl beside the tutorial: explanations, permissions, logs, commands, and raw subresources."""

from __future__ import annotations

import json
import re

import pytest

from tests.kubectl import Kubectl
from tests.tutorial import VMI, launcher

OUTSIDER = "--as=system:serviceaccount:demo:default"


@pytest.mark.parametrize("field", ["abortRequested", "targetNodeAddress", "completed"])
def test_explain_knows_the_migration_state(testvm: Kubectl, field: str) -> None:
    explained = testvm("explain", f"vmi.status.migrationState.{field}")
    assert re.search(rf"^FIELD: {field} <\w+>$", explained, re.MULTILINE)
    assert re.search(r"^DESCRIPTION:\n +\S", explained, re.MULTILINE)


def test_explain_lists_fields(testvm: Kubectl) -> None:
    assert re.search(r"^ +abortStatus\s+<string>$", testvm("explain", "vmi.status.migrationState"), re.MULTILINE)


def test_short_names_are_offered(testvm: Kubectl) -> None:
    listed = testvm("api-resources", "--api-group=kubevirt.io", "--no-headers")
    names = {row.split()[0]: row.split()[1] for row in listed.splitlines()}
    assert names["virtualmachineinstancemigrations"] == "vmim,vmims"
    assert names["virtualmachineinstances"] == "vmi,vmis"


def test_version_says_that_this_is_a_lab(testvm: Kubectl) -> None:
    assert testvm.json("version")["serverVersion"]["gitVersion"].endswith("+seatrial-lab")


def test_administrator_may_migrate(testvm: Kubectl) -> None:
    assert testvm("auth", "can-i", "create", "vmim") == "yes\n"


def test_others_may_migrate_once_they_are_bound_to_the_role(kubectl: Kubectl) -> None:
    account = f"{kubectl.namespace}:default"
    asking = ("auth", "can-i", "create", "vmim", f"--as=system:serviceaccount:{account}")
    assert kubectl.run(*asking).stdout == "no\n"
    kubectl("create", "rolebinding", "migrate", "--clusterrole=kubevirt.io:migrate", f"--serviceaccount={account}")
    assert kubectl(*asking) == "yes\n"


def test_what_is_not_permitted_is_forbidden(testvm: Kubectl) -> None:
    refused = testvm.refused("get", "vmi", OUTSIDER)
    assert 'cannot list resource "virtualmachineinstances" in API group "kubevirt.io"' in refused


def test_subresource_is_forbidden_too(testvm: Kubectl) -> None:
    refused = testvm.refused("get", "--raw", testvm.subresource(f"{VMI}/guestosinfo"), OUTSIDER)
    assert "is forbidden" in refused


def test_launcher_has_a_log(testvm: Kubectl) -> None:
    assert f"domain {testvm.namespace}_testvm" in testvm("logs", launcher(testvm), "-c", "compute")


def test_command_runs_in_a_launcher(testvm: Kubectl) -> None:
    assert testvm("exec", launcher(testvm), "-c", "compute", "--", "hostname") == "testvm\n"


def test_exit_code_of_a_command_is_passed_on(testvm: Kubectl) -> None:
    assert testvm.run("exec", launcher(testvm), "--", "sh", "-c", "exit 3").returncode == 3


def test_standard_input_reaches_a_command(testvm: Kubectl) -> None:
    assert testvm("exec", "-i", launcher(testvm), "--", "cat", stdin="ahoy\n") == "ahoy\n"


def test_vmi_is_paused_and_unpaused(testvm: Kubectl) -> None:
    testvm.put(f"{VMI}/pause")
    testvm("wait", "vmi/testvm", "--for=condition=Paused", "--timeout=30s")
    testvm.until("vm/testvm", ".status.printableStatus", "Paused")
    again = testvm.refused("replace", "--raw", testvm.subresource(f"{VMI}/pause"), "-f", "-", stdin="{}")
    assert "VMI is already paused" in again
    testvm.put(f"{VMI}/unpause")
    testvm.until("vm/testvm", ".status.printableStatus", "Running")
    again = testvm.refused("replace", "--raw", testvm.subresource(f"{VMI}/unpause"), "-f", "-", stdin="{}")
    assert "VMI is not paused" in again


def test_guest_without_an_agent_tells_nothing_of_itself(testvm: Kubectl) -> None:
    refused = testvm.refused("get", "--raw", testvm.subresource(f"{VMI}/guestosinfo"))
    assert "VMI does not have guest agent connected" in refused


def test_kubevirt_version_is_served(testvm: Kubectl) -> None:
    assert json.loads(testvm("get", "--raw", "/apis/subresources.kubevirt.io/v1/version"))["gitVersion"] == "v1.8.4"


def test_field_that_does_not_exist_is_refused(kubectl: Kubectl) -> None:
    body = {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration", "metadata": {"name": "typo"}}
    refused = kubectl.refused("create", "-f", "-", stdin=json.dumps({**body, "spec": {"vmName": "testvm"}}))
    assert 'unknown field "spec.vmName"' in refused
