"""`kill -9` at any moment while a run changes the migration network, then `seatrial sweep`: all is as it was before.

Ten moments: five that the run is seen to reach, each twice, and a random while after it. The seed is printed;
SEATRIAL_SEED repeats one.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import DAEMON_SET, NETWORK_ATTACHMENT_DEFINITION, Object
from seatrial.fixtures.migrationnetwork import configured
from seatrial.fixtures.recorder import recording
from seatrial.fixtures.virthandlers import INTERFACE, NETWORKS
from tests.endtoend.commands import PYTEST, SEATRIAL, SUITE, run
from tests.endtoend.leftovers import traces, untouchables
from tests.endtoend.test_killed_runs import Moment, kill_at

SECONDS = 60
LONGEST_WHILE = 2.0
CHANGES = SUITE / "test_migration_network.py"


def _asked(daemons: Object) -> str:
    annotations = daemons["spec"]["template"]["metadata"].get("annotations") or {}
    return str(annotations.get(NETWORKS, ""))


MOMENTS = {
    "that there is no definition is noted": Moment("ConfigMap", lambda obj: "original" in (obj.get("data") or {})),
    "the definition is there": Moment(NETWORK_ATTACHMENT_DEFINITION.kind, lambda obj: True),
    "KubeVirt names it": Moment("KubeVirt", configured),
    "virt-handlers are asked to attach": Moment(DAEMON_SET.kind, lambda obj: INTERFACE in _asked(obj)),
    "a VM migrates": Moment("VirtualMachineInstanceMigration", lambda obj: True),
}


@pytest.mark.parametrize("words", MOMENTS)
@pytest.mark.parametrize("while_of", ["an instant", "a while"])
def test_a_run_killed_while_it_changes_the_network_is_undone(
    tmp_path: Path, kubeconfig: Path, api: Api, words: str, while_of: str
) -> None:
    seed = os.environ.get("SEATRIAL_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"SEATRIAL_SEED={seed}: killed {while_of} after {words}")
    dice = random.Random(seed)
    before = state(api)
    tests = "arrive_on_a_new" if "migrates" in words else "a_new_network"
    command = [*PYTEST, CHANGES, "-k", tests, "--allow", "migration-network", "--kubeconfig", kubeconfig]
    longest = LONGEST_WHILE if while_of == "a while" else 0.0
    killed = kill_at(api, command, tmp_path, MOMENTS[words], dice, longest)
    if killed:  # a while after its last migration has begun, a run may have undone all of it and be about to end
        swept = run([*SEATRIAL, "sweep", "--run", killed, "--kubeconfig", kubeconfig], tmp_path)
        assert (swept.status, swept.err) == (0, "")
    assert traces(api) == []
    assert state(api) == before
    with recording(api, None, [DAEMON_SET]) as history:
        history.wait("virt-handlers are as before", lambda seen: not any(map(_asked, _daemons(seen))), SECONDS)


def state(api: Api) -> dict[str, Any]:
    """The CR's settings, and all definitions of networks."""
    definitions = {
        (obj["metadata"]["namespace"], obj["metadata"]["name"]): obj["spec"]
        for obj in api.list(NETWORK_ATTACHMENT_DEFINITION)
    }
    return {**untouchables(api), "definitions": definitions}


def _daemons(history: Any) -> list[Object]:
    found: list[Object] = history.objects(DAEMON_SET.kind)
    return found
