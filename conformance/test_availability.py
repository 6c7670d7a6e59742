"""Live migration is there, and configured as the KubeVirt CR and the version say."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, Report, VirtualMachines, check
from seatrial.fixtures.kinds import MIGRATION

from .expected import default_configuration


@pytest.mark.requirement("TUT-01")
def test_live_migration_is_available(cluster: Cluster, vms: VirtualMachines, report: Report) -> None:
    """No gate is needed from 1.3 on, listed or not; a VMI that is told whether it may migrate shows that it is on."""
    listed = "listed" if "LiveMigration" in cluster.feature_gates else "not listed, and not needed"
    report.note(f"feature gate LiveMigration: {listed} (KubeVirt {cluster.version})")
    vm = vms.create()
    vm.wait("is told whether it may migrate", _told)
    cluster.api.list(MIGRATION, vm.namespace)


def _told(vmi: dict[str, object]) -> bool:
    status = vmi["status"]
    assert isinstance(status, dict)
    return any(condition["type"] == "LiveMigratable" for condition in status.get("conditions") or ())


@pytest.mark.requirement("TUT-02")
def test_configuration_takes_effect_with_defaults(cluster: Cluster, vms: VirtualMachines, two_nodes: None) -> None:
    """The snapshot that a migration takes is the version's defaults overlaid with the CR's settings."""
    outcome = vms.create().migrate().wait_succeeded()
    asked = (cluster.kubevirt()["spec"].get("configuration") or {}).get("migrations") or {}
    expected = {**default_configuration(cluster.version), **asked}
    if "allowPostCopy" in asked and "allowWorkloadDisruption" not in asked and cluster.version >= (1, 5):
        expected["allowWorkloadDisruption"] = asked["allowPostCopy"]
    recorded = outcome.state.get("migrationConfiguration") or {}
    check("migrationConfiguration of the VMI", expected, {key: recorded.get(key) for key in expected})
