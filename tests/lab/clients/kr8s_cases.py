"""kr8s against the lab: the client that many newer tools are written with. Run by test_kr8s.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kr8s
import pytest
import yaml
from kr8s.objects import ConfigMap, Pod, new_class

from tests.lab.clients.official import LEAKY, running_launcher
from tests.tutorial import manifest

pytestmark = [*LEAKY, pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning")]

VirtualMachine = new_class(kind="VirtualMachine", version="kubevirt.io/v1", namespaced=True)
Migration = new_class(kind="VirtualMachineInstanceMigration", version="kubevirt.io/v1", namespaced=True)


@pytest.fixture(scope="module")
def cluster(lab: Path) -> Any:
    return kr8s.api(kubeconfig=str(lab))


def test_version_is_told(cluster: Any) -> None:
    assert cluster.version()["gitVersion"].endswith("+seatrial-lab")


def test_short_names_are_understood(cluster: Any, shared: str) -> None:
    assert [vmi.name for vmi in cluster.get("vmi", namespace=shared)] == ["testvm"]


def test_vm_is_created_started_and_deleted(cluster: Any, namespace: str) -> None:
    body = yaml.safe_load(manifest("vm"))
    vm = VirtualMachine({**body, "metadata": {"name": "testvm", "namespace": namespace}}, api=cluster)
    vm.create()
    vm.patch({"spec": {"running": True}})
    for _, seen in cluster.watch(VirtualMachine, namespace=namespace):
        if seen.raw.get("status", {}).get("ready"):
            break
    vm.wait("condition=Ready", timeout=30)
    vm.delete()
    vm.wait("delete", timeout=30)
    assert not vm.exists()


def test_watch_follows_a_migration(cluster: Any, shared: str) -> None:
    body = yaml.safe_load(manifest("migration"))
    name = {"generateName": "kr8s-", "namespace": shared}
    migration = Migration({**body, "metadata": name}, api=cluster)
    migration.create()
    for _, seen in cluster.watch(Migration, namespace=shared):
        if seen.name == migration.name and seen.raw.get("status", {}).get("phase") == "Succeeded":
            break
    migration.refresh()
    assert migration.status.phaseTransitionTimestamps[-1]["phase"] == "Succeeded"


def test_command_runs_in_a_launcher(cluster: Any, api: Any, shared: str) -> None:
    pod: Any = Pod.get(running_launcher(api, shared), namespace=shared, api=cluster)
    assert pod.exec(["hostname"], container="compute").stdout == b"testvm\n"


def test_logs_are_read(cluster: Any, api: Any, shared: str) -> None:
    pod: Any = Pod.get(running_launcher(api, shared), namespace=shared, api=cluster)
    assert any(f"domain {shared}_testvm" in line for line in pod.logs(container="compute"))


def test_labels_are_patched(cluster: Any, namespace: str) -> None:
    notes = ConfigMap({"metadata": {"name": "notes", "namespace": namespace}}, api=cluster)
    notes.create()
    notes.label({"patched": "yes"})
    assert ConfigMap.get("notes", namespace=namespace, api=cluster).labels["patched"] == "yes"
