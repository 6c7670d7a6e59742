"""A lab on which an administrator has applied deploy/rbac.yaml, and the account's way in as the Job has it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import CONFIG_MAP, SERVICE_ACCOUNT
from seatrial.fixtures.preflight import connect
from tests.deploy.manifests import objects, one
from tests.labs import running_lab

MOUNTED = "/var/run/secrets/kubernetes.io/serviceaccount"
SERVER = "https://kubernetes.default.svc"
SECONDS = 3600


@pytest.fixture(scope="session")
def admin_kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with running_lab(tmp_path_factory.mktemp("lab")) as path:
        yield path


@pytest.fixture(scope="session")
def admin(admin_kubeconfig: Path) -> Api:
    api = connect(str(admin_kubeconfig), None)
    for kind, obj in objects("rbac.yaml"):
        api.create(kind, obj)
    return api


@pytest.fixture(scope="session")
def kubeconfig(admin: Api, admin_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Job's own kubeconfig, with the files that a pod is given in a folder of ours."""
    mounted = tmp_path_factory.mktemp("serviceaccount")
    asked = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": SECONDS},
    }
    given = admin.post_subresource(SERVICE_ACCOUNT, "seatrial", "seatrial-system", "token", asked)
    (mounted / "token").write_text(given["status"]["token"], encoding="utf-8")
    cluster: dict[str, Any] = yaml.safe_load(admin_kubeconfig.read_text(encoding="utf-8"))["clusters"][0]["cluster"]
    (mounted / "ca.crt").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    text: str = one("job.yaml", CONFIG_MAP)["data"]["kubeconfig"]
    path = mounted / "kubeconfig"
    path.write_text(text.replace(MOUNTED, str(mounted)).replace(SERVER, cluster["server"]), encoding="utf-8")
    return path
