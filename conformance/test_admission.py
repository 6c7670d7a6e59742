"""What cannot be migrated is refused at admission, with KubeVirt's code and words."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, Migrations, Policies, Refused, Stage, VirtualMachines, check
from seatrial.fixtures.kinds import MIGRATION

from .steps import finished_vmi, run_unusual, slow_down, slowable

WEBHOOK = 'admission webhook "migration-create-validator.kubevirt.io" denied the request: '


def _refusal(migrations: Migrations, vmi: str) -> Refused:
    with pytest.raises(Refused) as refused:
        migrations.create(vmi)
    return refused.value


def check_refused(refused: Refused, code: int, text: str) -> None:
    check("code and text", (code, f"{WEBHOOK}{text}"), (refused.code, refused.message))


@pytest.mark.requirement("TUT-16")
def test_missing_vmi_is_refused(migrations: Migrations, namespace: str) -> None:
    refused = _refusal(migrations, "no-such-vmi")
    check_refused(refused, 400, f'the VMI "{namespace}/no-such-vmi" does not exist')


@pytest.mark.requirement("TUT-16")
def test_migration_without_a_vmi_name_is_refused(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(Refused) as refused:
        cluster.api.create(MIGRATION, {"metadata": {"name": "nameless"}, "spec": {}}, namespace)
    check("code", 422, refused.value.code)
    said = refused.value.message
    check("text", "vmiName is missing", said, holds="vmiName is missing" in said)


@pytest.mark.requirement("TUT-16")
def test_final_vmi_is_refused(stage: Stage, migrations: Migrations) -> None:
    check_refused(_refusal(migrations, finished_vmi(stage)), 400, "Cannot migrate VMI in finalized state.")


@pytest.mark.requirement("TUT-16")
def test_vmi_that_is_not_migratable_is_refused(vms: VirtualMachines, migrations: Migrations) -> None:
    vm = run_unusual(vms, "leave to bridge to the pod network", interface="bridge")
    why = vm.wait_condition("LiveMigratable", "False")
    text = f"Cannot migrate VMI, Reason: {why['reason']}, Message: {why['message']}"
    check_refused(_refusal(migrations, vm.name), 400, text)


@pytest.mark.requirement("TUT-16")
def test_second_migration_in_flight_is_refused(
    vms: VirtualMachines, migrations: Migrations, policies: Policies, two_nodes: None
) -> None:
    """While one migration runs every further one is refused, and the refusal names the first one's uid."""
    slow_down(policies)
    vm = slowable(vms)
    first = vm.migrate()
    first.wait_phase("Scheduling")
    text = (
        f"in-flight migration detected. Active migration job ({first.uid}) "
        f"is currently already in progress for VMI {vm.name}."
    )
    check_refused(_refusal(migrations, vm.name), 400, text)
    with pytest.raises(Refused) as refused:
        vm.ask("migrate")
    code, said = refused.value.code, refused.value.message
    check("by the subresource", (500, text), (code, said), holds=code == 500 and text in said)
