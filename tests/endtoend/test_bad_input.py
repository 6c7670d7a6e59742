"""What cannot work is said in one sentence with exit status 2, by `pytest conformance` and by `seatrial certify`."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seatrial.fixtures.api import Api
from seatrial.fixtures.cluster import Cluster
from seatrial.fixtures.preflight import check_cluster, connect
from seatrial.fixtures.problem import NotReady
from tests.endtoend.clusters import Ways, closed_port, define_kubevirt, deploy_kubevirt
from tests.endtoend.commands import PYTEST, SEATRIAL, SUITE, Done, run
from tests.endtoend.leftovers import traces
from tests.lab.apiserver.server import running_server
from tests.labs import running_lab

USAGE = 2
INCONCLUSIVE = 3
READ_ALL = {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}
FOUND = {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create"]}
WITHOUT_STORAGE = {"apiGroups": ["", "coordination.k8s.io"], "resources": ["*"], "verbs": ["*"]}


@dataclass(frozen=True)
class Front:
    """A way to start a run."""

    command: tuple[object, ...]
    output: str


FRONTS = {
    "pytest": Front((*PYTEST, SUITE), "--seatrial-output"),
    "certify": Front((*SEATRIAL, "certify"), "--output"),
}
NO_CLUSTER: dict[str, tuple[Callable[[Ways], Path], str]] = {
    "missing": (lambda ways: ways.folder / "none", "there is no kubeconfig .*/none"),
    "directory": (lambda ways: ways.folder, "the kubeconfig .* is a directory"),
    "binary": (lambda ways: ways.written(bytes(range(256))), "the kubeconfig .* cannot be read as one"),
    "unreachable": (
        lambda ways: ways.with_server(f"https://127.0.0.1:{closed_port()}"),
        "the API server https://127.0.0.1:[0-9]+ cannot be reached: Connection refused",
    ),
    "unknown token": (lambda ways: ways.with_token("stolen"), "does not accept these credentials"),
    "ended token": (lambda ways: ways.forgotten_account("former"), "does not accept these credentials"),
    "no namespaces": (lambda ways: ways.account("reader", READ_ALL), "may not create namespaces on https://"),
}
NO_CLUSTER_EITHER: dict[str, tuple[Callable[[Ways], Path], str]] = {
    "empty": (lambda ways: ways.written(b""), "the kubeconfig .* is of no use"),
    "text": (lambda ways: ways.written(b"hello"), "the kubeconfig .* cannot be read as one"),
    "other YAML": (lambda ways: ways.written(b"a: 1"), "the kubeconfig .* is of no use: .*current-context"),
    "no such file": (lambda ways: ways.with_file("none.pem"), "the kubeconfig .* is of no use: .*none.pem"),
    "no URL": (lambda ways: ways.with_server("nonsense"), "the kubeconfig .* gives no URL of a server, but 'nonsense'"),
    "unknown host": (
        lambda ways: ways.with_server("https://no-such-host.invalid:6443"),
        "the API server https://no-such-host.invalid:6443 cannot be reached",
    ),
    "other authority": (lambda ways: ways.without_authority(), "cannot be reached: certificate verify failed"),
    "no such plugin": (lambda ways: ways.with_plugin("no-such-plugin"), "of no use: .*no-such-plugin"),
    "failing plugin": (lambda ways: ways.with_plugin("false"), "of no use: exec: process returned 1"),
    "no credentials": (lambda ways: ways.without_credentials(), "was given no credentials"),
    "no nodes": (lambda ways: ways.account("founder", FOUND), "may not do what the suites need: nodes is forbidden"),
}
OPTIONS = {
    "--context no-such-context": "no-such-context",
    "--profile everything": "there is no profile 'everything'",
    "--allow everything": "no class of disruption 'everything'|no requirement needs leave",
    "--defect method-always-live": "--defect is for the embedded lab only",
    "--kubevirt-version 1.8": "--kubevirt-version is for the embedded lab only",
}
LAB_OPTIONS = {
    "--kubevirt-version 0.1": "0\\.1",
    "--defect no-such-defect": "no-such-defect",
}


@pytest.fixture(params=FRONTS)
def front(request: pytest.FixtureRequest) -> Front:
    return FRONTS[request.param]


@pytest.fixture
def ways(tmp_path: Path, kubeconfig: Path, api: Api) -> Iterator[Ways]:
    ways = Ways(tmp_path, kubeconfig, api)
    ways.elsewhere.mkdir()
    yield ways
    for name in ("reader", "founder", "half"):
        ways.forget(name)


def assert_refused(done: Done, said: str) -> None:
    """One sentence of ours, and nothing that only a programmer would understand."""
    assert done.status == USAGE, done.text
    assert re.search(said, done.err, re.IGNORECASE), done.text
    assert "Traceback" not in done.text
    (line,) = done.err.strip().splitlines()
    assert re.match(r"(Exit: )?seatrial: \S.*[.\w]$", line)
    assert done.outcomes == {}


@pytest.mark.parametrize("case", NO_CLUSTER)
def test_a_way_that_leads_to_no_cluster(front: Front, ways: Ways, case: str) -> None:
    make, said = NO_CLUSTER[case]
    assert_refused(run([*front.command, "--kubeconfig", make(ways)], ways.elsewhere), said)


@pytest.mark.parametrize("case", NO_CLUSTER_EITHER)
def test_another_way_that_leads_to_no_cluster(ways: Ways, case: str) -> None:
    """Asked of what both commands call to find their cluster; that they say what it says is shown above."""
    make, said = NO_CLUSTER_EITHER[case]
    with pytest.raises(NotReady) as refused:
        check_cluster(Cluster(connect(str(make(ways)), None)))
    assert re.search(said, str(refused.value), re.IGNORECASE), str(refused.value)


def test_what_may_not_be_seen_when_the_journal_begins(front: Front, ways: Ways) -> None:
    kubeconfig = ways.account("half", FOUND, WITHOUT_STORAGE)
    done = run([*front.command, "--kubeconfig", kubeconfig, front.output, "report"], ways.elsewhere)
    assert_refused(done, "may not do what the suites need: storageclasses.* is forbidden")
    assert traces(ways.api) == []


@pytest.mark.parametrize("options", OPTIONS)
def test_options_that_make_no_sense_for_a_cluster(front: Front, tmp_path: Path, kubeconfig: Path, options: str) -> None:
    done = run([*front.command, "--kubeconfig", kubeconfig, *options.split()], tmp_path)
    assert_refused(done, OPTIONS[options])


@pytest.mark.parametrize("options", LAB_OPTIONS)
def test_options_that_make_no_sense_for_the_lab(front: Front, tmp_path: Path, options: str) -> None:
    assert_refused(run([*front.command, *options.split()], tmp_path), LAB_OPTIONS[options])


def test_unknown_suite(tmp_path: Path) -> None:
    assert_refused(run([*SEATRIAL, "certify", "--suite", "sailing"], tmp_path), "there is no suite 'sailing'")


def test_a_cluster_whose_kubevirt_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with running_server(tmp_path / "server") as server:
        api = connect(str(server.kubeconfig), None)

        def both_say(said: str) -> None:
            for front in FRONTS.values():
                assert_refused(run([*front.command, "--kubeconfig", server.kubeconfig], tmp_path), said)

        both_say("KubeVirt is not installed on https://")
        define_kubevirt(api)
        with pytest.raises(NotReady, match="KubeVirt is not installed on https://"):
            check_cluster(Cluster(api))
        deploy_kubevirt(api)
        both_say("KubeVirt is not Available: DeploymentInProgress: Deploying")


def test_one_node_is_inconclusive(tmp_path: Path) -> None:
    with running_lab(tmp_path, "--nodes", "1") as kubeconfig:
        cluster = ("--profile", "smoke", "--kubeconfig", kubeconfig)
        skipped = run([*PYTEST, SUITE, *cluster, "-rs", "-k", "test_creating_a_migration"], tmp_path)
        certified = run([*SEATRIAL, "certify", *cluster, "-n", "2", "--output", "report"], tmp_path)
    assert (skipped.status, skipped.outcomes["skipped"]) == (0, 1), skipped.text
    assert "a migration needs two nodes" in skipped.out
    assert (certified.status, certified.err) == (INCONCLUSIVE, ""), certified.text
    assert "INCONCLUSIVE" in certified.out
    assert "two nodes" in certified.out
    journal = (tmp_path / "report" / "journal.jsonl").read_text(encoding="utf-8")
    outcomes = {record["outcome"] for record in map(json.loads, journal.splitlines()) if record["type"] == "test"}
    assert outcomes == {"passed", "skipped"}


@pytest.mark.parametrize("output", ["file", "file/report"])
def test_output_that_is_no_directory(front: Front, tmp_path: Path, kubeconfig: Path, output: str) -> None:
    (tmp_path / "file").write_text("precious")
    done = run([*front.command, "--kubeconfig", kubeconfig, front.output, output], tmp_path)
    assert_refused(done, f"output directory .*{output} cannot be written to")
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize(
    ("mount", "said"),
    [
        ("size=64k", "disk .* full|cannot be written to: No space left on device"),
        ("size=64m,ro", "cannot be written to: Read-only file system"),
    ],
)
def test_output_on_a_disk_that_takes_nothing(
    front: Front, tmp_path: Path, kubeconfig: Path, mount: str, said: str
) -> None:
    (tmp_path / "disk").mkdir()
    command = [*front.command, "--kubeconfig", kubeconfig, front.output, "disk/report"]
    assert_refused(run([*on_a_disk(mount), *command], tmp_path), said)


def on_a_disk(mount: str) -> list[str]:
    """Runs what follows where `disk` is a file system of its own, seen by nobody else."""
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*alone, "mount", "-t", "tmpfs", "x", "/mnt"], check=False, capture_output=True).returncode
    ):
        pytest.skip("a disk of one's own takes unprivileged user namespaces, which this machine does not have")
    return [*alone, "sh", "-c", f'mount -t tmpfs -o {mount} x disk && exec "$@"', "sh"]
