"""The official Python client with KubeVirt's objects: custom objects, watches, commands over WebSockets, dynamic."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import NotFoundError

from tests.lab.clients.official import (
    KUBEVIRT,
    LEAKY,
    LIMIT,
    MIGRATIONS,
    DynamicClient,
    Watch,
    client,
    run_over_websocket,
    running_launcher,
)
from tests.tutorial import manifest

STDIN = 0

pytestmark = LEAKY


@pytest.fixture
def core(api: Any) -> Any:
    return client.CoreV1Api(api)


@pytest.fixture
def machines(api: Any) -> Any:
    return client.CustomObjectsApi(api)


@pytest.fixture(scope="module")
def dynamically(api: Any) -> Any:
    return DynamicClient(api)


def test_vm_is_created_patched_and_deleted(machines: Any, namespace: str) -> None:
    place = (*KUBEVIRT, namespace, "virtualmachines")
    machines.create_namespaced_custom_object(*place, yaml.safe_load(manifest("vm")))
    machines.patch_namespaced_custom_object(*place, "testvm", {"metadata": {"labels": {"patched": "yes"}}})
    assert machines.get_namespaced_custom_object(*place, "testvm")["metadata"]["labels"] == {"patched": "yes"}
    machines.delete_namespaced_custom_object(*place, "testvm")


def test_refusal_of_a_migration_is_an_exception(machines: Any, namespace: str) -> None:
    with pytest.raises(ApiException, match="does not exist") as caught:
        machines.create_namespaced_custom_object(
            *KUBEVIRT, namespace, MIGRATIONS, yaml.safe_load(manifest("migration"))
        )
    assert caught.value.status == 400


def test_watch_follows_a_migration(machines: Any, shared: str) -> None:
    place = (*KUBEVIRT, shared, MIGRATIONS)
    since = machines.list_namespaced_custom_object(*place)["metadata"]["resourceVersion"]
    body = yaml.safe_load(manifest("migration", ("migration-job", "watched")))
    machines.create_namespaced_custom_object(*place, body)
    watching, phases = Watch(), dict[str, None]()
    listing = machines.list_namespaced_custom_object
    for event in watching.stream(listing, *place, resource_version=since, timeout_seconds=LIMIT):
        phases[event["object"].get("status", {}).get("phase", "")] = None
        if "Succeeded" in phases:
            watching.stop()
    expected = ["", "Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Succeeded"]
    assert list(phases) == expected


def test_command_runs_over_a_websocket(core: Any, shared: str) -> None:
    opened = _opened(core, shared, "sh", "-c", "echo ahoy\nexit 3")
    opened.run_forever(timeout=LIMIT)
    assert (opened.read_stdout(), opened.returncode) == ("ahoy\n", 3)


def test_standard_input_is_streamed(core: Any, shared: str) -> None:
    opened = _opened(core, shared, "sh")
    opened.write_stdin("hostname\n")
    opened.close_channel(STDIN)
    opened.run_forever(timeout=LIMIT)
    assert opened.read_stdout() == "testvm\n"


def _opened(core: Any, namespace: str, *command: str) -> Any:
    return run_over_websocket(
        core.connect_get_namespaced_pod_exec,
        running_launcher(core.api_client, namespace),
        namespace,
        container="compute",
        command=list(command),
        stdin=len(command) == 1,
        stdout=True,
        stderr=True,
        tty=False,
        _preload_content=False,
    )


def test_logs_are_read(core: Any, shared: str) -> None:
    pod = running_launcher(core.api_client, shared)
    assert f"domain {shared}_testvm" in core.read_namespaced_pod_log(pod, shared, container="compute", tail_lines=5)


def test_eviction_of_a_vm_is_refused(core: Any, shared: str) -> None:
    pod = running_launcher(core.api_client, shared)
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name=pod, namespace=shared))
    with pytest.raises(ApiException, match="Eviction triggered evacuation of VMI") as caught:
        core.create_namespaced_pod_eviction(pod, shared, eviction, dry_run="All")
    assert caught.value.status == 429


def test_dynamic_client_discovers_kubevirt(dynamically: Any) -> None:
    vmis = dynamically.resources.get(api_version="kubevirt.io/v1", kind="VirtualMachineInstance")
    assert (vmis.name, vmis.namespaced, vmis.short_names) == ("virtualmachineinstances", True, ["vmi", "vmis"])


def test_dynamic_client_works_with_vms(dynamically: Any, namespace: str) -> None:
    vms = dynamically.resources.get(api_version="kubevirt.io/v1", kind="VirtualMachine")
    vms.create(body=yaml.safe_load(manifest("vm")), namespace=namespace)
    patch = [{"op": "add", "path": "/metadata/labels", "value": {"patched": "yes"}}]
    vms.patch(body=patch, name="testvm", namespace=namespace, content_type="application/json-patch+json")
    assert vms.get(name="testvm", namespace=namespace).metadata.labels.patched == "yes"
    since = vms.get(namespace=namespace).metadata.resourceVersion
    vms.delete(name="testvm", namespace=namespace)
    for event in vms.watch(namespace=namespace, resource_version=since, timeout=LIMIT):
        if event["type"] == "DELETED":
            break
    with pytest.raises(NotFoundError):
        vms.get(name="testvm", namespace=namespace)
