"""Namespaces that stay Terminating: told with why, no finding, unless it is KubeVirt that does not let go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli import main
from seatrial.fixtures import Api
from seatrial.fixtures.kinds import CONFIG_MAP, MIGRATION, NAMESPACE, Object
from seatrial.fixtures.leases import RUN_LABEL, SYSTEM, LeaseKeeper
from seatrial.fixtures.presence import Presence
from tests.endtoend.commands import SEATRIAL, Done, run
from tests.labs import running_lab
from tests.reactions import reacting

CERTIFIED, NOT_CERTIFIED, LEFT = 0, 1, 1
OTHERS = "backup.example.com/hold"
KUBEVIRTS = "synchronization.kubevirt.io/migrationFinalizer"
MOVES = "test_creating_a_migration_moves_the_vm"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    with running_lab(tmp_path) as kubeconfig:
        yield kubeconfig


@pytest.fixture
def api(lab: Path) -> Api:
    return Api.from_kubeconfig(str(lab))


def certify(folder: Path, kubeconfig: Path, *options: object) -> Done:
    command = [*SEATRIAL, "certify", "--kubeconfig", kubeconfig, "--suite", "conformance", "--output", "report"]
    return run([*command, *options, "--time-scale", "0.05"], folder)


def certificate(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report" / "certificate.json").read_text(encoding="utf-8"))
    return found


def held(api: Api, namespace: Object) -> None:
    """What a backup tool does in the first namespace that a test gets."""
    name = namespace["metadata"]["name"]
    if name.endswith("-main-2") and "deletionTimestamp" not in namespace["metadata"]:
        api.create(CONFIG_MAP, {"metadata": {"name": "held", "finalizers": [OTHERS]}}, name)


def test_what_others_hold_is_a_condition(tmp_path: Path, lab: Path, api: Api) -> None:
    with reacting(api, NAMESPACE, held):
        done = certify(tmp_path, lab, "--profile", "smoke", "-n", "1")
    assert (done.status, done.err) == (CERTIFIED, ""), done.text
    told = certificate(tmp_path)
    assert told["verdict"] == "certified with conditions"
    (condition,) = told["conditions"]
    assert [item["message"] for item in told["surroundings"]] == [condition]
    assert condition.startswith("namespace seatrial-"), condition
    assert f"Some content in the namespace has finalizers remaining: {OTHERS} in 1 resource instances" in condition
    assert "is still being deleted after" in " ".join(done.out.split())


def keeps(api: Api, migration: Object) -> None:
    """KubeVirt puts this finalizer on some migrations, and has to take it away."""
    finalizers = migration["metadata"].get("finalizers") or []
    if KUBEVIRTS not in finalizers and "deletionTimestamp" not in migration["metadata"]:
        patch = {"metadata": {"finalizers": [*finalizers, KUBEVIRTS]}}
        api.patch(MIGRATION, migration["metadata"]["name"], patch, migration["metadata"]["namespace"])


def test_what_kubevirt_does_not_let_go_of_is_a_finding(tmp_path: Path, lab: Path, api: Api) -> None:
    with reacting(api, MIGRATION, keeps):
        done = certify(tmp_path, lab, "-n", "1", "-k", MOVES)
    assert (done.status, done.err) == (NOT_CERTIFIED, ""), done.text
    (finding,) = certificate(tmp_path)["findings"]
    assert finding["id"] == "a namespace goes once it is deleted"
    assert finding["test"].endswith(MOVES)
    assert "VirtualMachineInstanceMigration" in finding["observed"]
    assert f"keeps the finalizer {KUBEVIRTS}" in finding["observed"]


@pytest.fixture
def sweep(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[float], tuple[int, list[str]]]:
    """Sweeps, with so many seconds of patience: exit status and lines."""

    def swept(patience: float) -> tuple[int, list[str]]:
        monkeypatch.setattr("seatrial.fixtures.sweep.DELETION", patience)
        status = main(["sweep", "--kubeconfig", str(lab)])
        return status, capsys.readouterr().out.splitlines()

    return swept


def left_by(api: Api, run: str, *finalizers: str) -> None:
    name = f"seatrial-{run}"
    api.create(NAMESPACE, {"metadata": {"name": name, "labels": {RUN_LABEL: run}}})
    api.create(CONFIG_MAP, {"metadata": {"name": "held", "finalizers": list(finalizers)}}, name)


def test_a_sweep_goes_on_past_what_is_still_being_deleted(
    api: Api, sweep: Callable[[float], tuple[int, list[str]]]
) -> None:
    left_by(api, "a", OTHERS)
    left_by(api, "b")
    for done in ("run a: deleted Namespace seatrial-a", None):
        status, lines = sweep(2.0)
        assert status == LEFT
        assert (done in lines) is (done is not None)
        (told,) = (line for line in lines if "still being deleted" in line)
        assert told.startswith("namespace seatrial-a is still being deleted: ")
        assert OTHERS in told
    assert [item["metadata"]["name"] for item in api.list(NAMESPACE, labels=RUN_LABEL)] == ["seatrial-a"]
    api.patch(CONFIG_MAP, "held", {"metadata": {"finalizers": None}}, "seatrial-a")
    status, _ = sweep(60.0)
    assert status == 0
    assert sweep(60.0) == (0, ["Nothing is left."])


def test_a_namespace_of_seatrials_that_does_not_go_is_told(
    tmp_path: Path, lab: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.create(NAMESPACE, {"metadata": {"name": SYSTEM}})
    api.create(CONFIG_MAP, {"metadata": {"name": "held", "finalizers": [OTHERS]}}, SYSTEM)
    api.delete(NAMESPACE, SYSTEM)
    monkeypatch.setattr("seatrial.fixtures.presence.SECONDS_TO_GO", 1.0)
    keeper = LeaseKeeper(api, "run", "run")
    with pytest.raises(TimeoutError, match=f"does not go: .*{OTHERS}"):
        Presence(api, keeper, "run").enter()
    keeper.stop()
