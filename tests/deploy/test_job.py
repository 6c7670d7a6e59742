"""The Job and what belongs to it: the API server takes them, and they name what there is."""

from __future__ import annotations

import re
import shlex

import pytest

from seatrial.cli import build_parser
from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import CONFIG_MAP, PERSISTENT_VOLUME_CLAIM, POD, SERVICE_ACCOUNT, Object
from tests.deploy.manifests import FOLDER, JOB, objects, one


@pytest.mark.parametrize("name", ["job.yaml", "report.yaml"])
def test_the_server_takes_them(admin: Api, name: str) -> None:
    for kind, obj in objects(name):
        assert admin.create(kind, obj, dry_run=True)["metadata"]["namespace"] == "seatrial-system"


def test_the_job_names_what_there_is() -> None:
    spec: Object = one("job.yaml", JOB)["spec"]["template"]["spec"]
    assert spec["serviceAccountName"] == one("rbac.yaml", SERVICE_ACCOUNT)["metadata"]["name"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert volumes["kubeconfig"]["configMap"]["name"] == one("job.yaml", CONFIG_MAP)["metadata"]["name"]
    claim = one("job.yaml", PERSISTENT_VOLUME_CLAIM)["metadata"]["name"]
    reader: Object = one("report.yaml", POD)["spec"]["volumes"][0]
    assert [volumes["report"]["persistentVolumeClaim"], reader["persistentVolumeClaim"]] == [{"claimName": claim}] * 2


def test_the_jobs_command_is_understood() -> None:
    container: Object = one("job.yaml", JOB)["spec"]["template"]["spec"]["containers"][0]
    options, rest = build_parser().parse_known_args(container["args"])
    assert (options.command, rest) == ("certify", [])
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert options.kubeconfig.rpartition("/")[0] in mounts
    assert options.output.rpartition("/")[0] in mounts


def test_the_image_copies_what_the_wheel_is_made_from() -> None:
    """Without a container engine at hand: what the build is let see is there, and includes every linked room."""
    top = FOLDER.parent
    ignore = (FOLDER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    seen = {line[1:] for line in ignore if line.startswith("!")}
    assert [name for name in seen if not (top / name).exists()] == []
    rooms = {entry.name for entry in (top / "seatrial").iterdir() if entry.is_symlink()}
    assert rooms | {"seatrial", "pyproject.toml"} <= seen
    said = re.search(r"^# build: (.*)$", (FOLDER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert said
    assert (top / shlex.split(said[1])[3]).is_file()
