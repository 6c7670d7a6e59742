"""`kill -9` at any moment of a run, then `seatrial sweep`: the cluster is as it was before.

Moments are what the run is seen to do, and a random while after it. The seed is printed; SEATRIAL_SEED repeats one.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest

from seatrial.fixtures.api import Api
from seatrial.fixtures.history import History, Seen
from seatrial.fixtures.kinds import (
    CONFIG_MAP,
    DAEMON_SET,
    KUBEVIRT,
    LEASE,
    MIGRATION,
    MIGRATION_POLICY,
    NAMESPACE,
    NETWORK_ATTACHMENT_DEFINITION,
    NODE,
    VALIDATING_WEBHOOK_CONFIGURATION,
    VIRTUAL_MACHINE_INSTANCE,
    Object,
)
from seatrial.fixtures.leases import RUN_LABEL
from seatrial.fixtures.leftovers import find
from seatrial.fixtures.recorder import recording
from tests.endtoend.commands import PYTEST, SEATRIAL, SUITE, run, start
from tests.endtoend.leftovers import traces, untouchables

WATCHED = (
    NAMESPACE,
    LEASE,
    CONFIG_MAP,
    KUBEVIRT,
    MIGRATION_POLICY,
    MIGRATION,
    VIRTUAL_MACHINE_INSTANCE,
    DAEMON_SET,
    NETWORK_ATTACHMENT_DEFINITION,
    NODE,
    VALIDATING_WEBHOOK_CONFIGURATION,
)
LONGEST_WHILE = 0.3
SECONDS = 60
INCONCLUSIVE = 3
ALONE = """
import pytest

@pytest.mark.exclusive
def test_alone(kubevirt_config, vms, policies):
    policies.create(bandwidthPerMigration="1Mi")
    kubevirt_config.change({"migrations": {"completionTimeoutPerGiB": 7, "parallelMigrationsPerCluster": 1}})
    kubevirt_config.change({"migrations": {"completionTimeoutPerGiB": 8}, "evictionStrategy": "External"})
    for _ in range(5):
        vms.create().migrate()
"""


@dataclass(frozen=True)
class Moment:
    """Something that a run is seen to do."""

    kind: str
    happens: Callable[[Object], object]


def _phase(phase: str) -> Callable[[Object], bool]:
    return lambda obj: (obj.get("status") or {}).get("phase") == phase


def _limit(obj: Object) -> object:
    configuration = obj["spec"].get("configuration") or {}
    return (configuration.get("migrations") or {}).get("completionTimeoutPerGiB")


MOMENTS = {
    "it signs in": Moment("Lease", lambda obj: obj["metadata"]["name"].startswith("run-")),
    "it uses the cluster": Moment("Lease", lambda obj: obj["metadata"]["name"].startswith("shared-")),
    "it has a namespace": Moment("Namespace", lambda obj: obj["metadata"]["name"] != "seatrial-system"),
    "it has a policy": Moment("MigrationPolicy", lambda obj: True),
    "its VM runs": Moment("VirtualMachineInstance", _phase("Running")),
    "its migration runs": Moment("VirtualMachineInstanceMigration", _phase("Running")),
    "its namespace goes": Moment("Namespace", lambda obj: obj["metadata"].get("deletionTimestamp")),
}
MOMENTS_ALONE = {
    "the original is saved": Moment("ConfigMap", lambda obj: RUN_LABEL in (obj["metadata"].get("labels") or {})),
    "KubeVirt is changed": Moment("KubeVirt", lambda obj: _limit(obj) == 7),
    "KubeVirt is changed twice": Moment("KubeVirt", lambda obj: _limit(obj) == 8),
}


@pytest.fixture(scope="module")
def dice() -> random.Random:
    seed = os.environ.get("SEATRIAL_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"SEATRIAL_SEED={seed}")
    return random.Random(seed)


def test_runs_killed_at_seven_moments_are_swept_away_at_once(
    tmp_path: Path, kubeconfig: Path, api: Api, dice: random.Random
) -> None:
    before, killed = untouchables(api), set[str]()
    moments = dice.sample(list(MOMENTS.items()), k=len(MOMENTS))
    for (words, moment), workers in zip(moments, cycle((2, 0)), strict=False):
        print(f"killed with {workers} workers, a little after {words}")
        command = [*PYTEST, SUITE, "-k", "cancel", "-n", workers, "--kubeconfig", kubeconfig]
        killed.add(kill_at(api, [*command, "--seatrial-output", tmp_path / "report"], tmp_path, moment, dice))
    cut_off = run([*SEATRIAL, "report", tmp_path / "report"], tmp_path)
    assert (cut_off.status, cut_off.err) == (INCONCLUSIVE, "")
    assert len(killed) == len(MOMENTS)
    assert {left.run for left in find(api)} == killed
    swept = run([*SEATRIAL, "sweep", "--kubeconfig", kubeconfig], tmp_path)
    assert (swept.status, swept.err) == (0, "")
    assert all(name in swept.out for name in killed)
    assert traces(api) == []
    assert untouchables(api) == before
    again = run([*SEATRIAL, "sweep", "--kubeconfig", kubeconfig], tmp_path)
    assert (again.status, again.text) == (0, "Nothing is left.\n")


@pytest.mark.parametrize("words", MOMENTS_ALONE)
def test_a_run_killed_while_it_changes_the_cluster_is_undone(
    tmp_path: Path, kubeconfig: Path, api: Api, dice: random.Random, words: str
) -> None:
    before, workers = untouchables(api), dice.choice((0, 2))
    (tmp_path / "test_alone.py").write_text(ALONE)
    print(f"killed with {workers} workers, a little after {words}")
    command = [*PYTEST, "test_alone.py", "-n", workers, "--kubeconfig", kubeconfig]
    killed = kill_at(api, command, tmp_path, MOMENTS_ALONE[words], dice)
    swept = run([*SEATRIAL, "sweep", "--run", killed, "--kubeconfig", kubeconfig], tmp_path)
    assert (swept.status, swept.err) == (0, "")
    assert "restored KubeVirt" in swept.out
    assert traces(api) == []
    assert untouchables(api) == before


def kill_at(
    api: Api,
    command: list[object],
    folder: Path,
    moment: Moment,
    dice: random.Random,
    longest: float = LONGEST_WHILE,
) -> str:
    """Start a run, kill it and its workers a little after a moment, and give its id; none if it left nothing behind."""
    known = {left.run for left in find(api)}
    with recording(api, None, WATCHED) as history:
        there = {_version(seen) for seen in history}

        def reached(history: History) -> bool:
            return any(
                seen.kind == moment.kind
                and _version(seen) not in there
                and not _belongs(seen.object, known)
                and moment.happens(seen.object)
                for seen in history
            )

        process = start(command, folder)
        try:
            history.wait("the moment to kill the run", reached, SECONDS)
            with suppress(subprocess.TimeoutExpired):
                process.wait(dice.uniform(0, longest))
        finally:
            ended = process.poll() is not None
            if not ended:
                os.killpg(process.pid, signal.SIGKILL)
            print(*process.communicate())
    # On a fast machine a run may have come to its end by itself in the while; it has then undone all of it.
    assert process.returncode == (0 if ended else -signal.SIGKILL)
    killed = {left.run for left in find(api)} - known
    assert len(killed) < 2
    return next(iter(killed), "")


def _version(seen: Seen) -> tuple[str, str]:
    return seen.uid, seen.object["metadata"]["resourceVersion"]


def _belongs(obj: Object, runs: set[str]) -> bool:
    """Whether an object is one of these runs'."""
    meta = obj["metadata"]
    words = f"{meta.get('namespace')} {meta['name']} {meta.get('labels')}"
    return any(run in words for run in runs)
