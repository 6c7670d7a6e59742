"""The rights for a namespace that exists suffice for what can be tested there, and are none anywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seatrial.fixtures.api import Api, Refused
from seatrial.fixtures.kinds import NAMESPACE, POD, SECRET, SERVICE_ACCOUNT
from tests.deploy.manifests import FOLDER, KINDS
from tests.endtoend.commands import PYTEST, SEATRIAL, SUITE, run
from tests.endtoend.leftovers import traces

FILE, TEAM = "rbac-namespace.yaml", "team-a"
TESTS = "not (strategies or migratability or network)"
LACKED = (
    'cannot create resource "migrationpolicies"',
    'cannot list resource "pods" in API group "" in the namespace "kubevirt"',
)
"""What they do not give: what is cluster-wide, and KubeVirt's own metrics."""


@pytest.fixture
def kubeconfig(admin: Api, admin_kubeconfig: Path, tmp_path: Path) -> Path:
    """The way in of the account that the file makes."""
    admin.create(NAMESPACE, {"metadata": {"name": TEAM}})
    for obj in yaml.safe_load_all((FOLDER / FILE).read_text().replace("NAMESPACE", TEAM)):
        admin.create(KINDS[obj["kind"]], obj)
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = admin.post_subresource(SERVICE_ACCOUNT, "seatrial", TEAM, "token", asked)["status"]["token"]
    config = yaml.safe_load(admin_kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def test_they_suffice_and_leave_nothing_behind(admin: Api, kubeconfig: Path, tmp_path: Path) -> None:
    options = ["--kubeconfig", kubeconfig, "--namespace", TEAM, "--time-scale", "0.3"]
    done = run([*PYTEST, *options, "-rs", "-k", TESTS, SUITE], tmp_path)
    assert done.status == 0, done.text
    assert done.outcomes["passed"] >= 8, done.text
    refused = [line for line in done.out.splitlines() if "this user may not do" in line]
    assert [line for line in refused if not any(lacked in line for lacked in LACKED)] == []
    left = [item["metadata"]["name"] for kind in (POD, SECRET) for item in admin.list(kind, TEAM)]
    assert left == []
    swept = run([*SEATRIAL, "sweep", "--kubeconfig", kubeconfig, "--namespace", TEAM], tmp_path)
    assert (swept.status, swept.out) == (0, "Nothing is left.\n"), swept.text
    assert [trace for trace in traces(admin) if TEAM in trace] == []
    with pytest.raises(Refused, match="forbidden"):
        Api.from_kubeconfig(str(kubeconfig)).list(SECRET, "default")
