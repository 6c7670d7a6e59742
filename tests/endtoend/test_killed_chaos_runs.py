"""`kill -9` while a fault of the cluster's own is on, then `seatrial sweep`: nodes, links and webhooks are whole.

The seed is printed; SEATRIAL_SEED repeats one.
"""

from __future__ import annotations

import os
import random
from functools import partial
from pathlib import Path

import pytest

from seatrial.fixtures.api import Api
from seatrial.fixtures.history import History
from seatrial.fixtures.kinds import DAEMON_SET, NODE, POD, VALIDATING_WEBHOOK_CONFIGURATION, Object
from seatrial.fixtures.leases import RUN_LABEL
from seatrial.fixtures.machine import find_condition
from seatrial.fixtures.migrationnetwork import rolled_out
from seatrial.fixtures.nodetools import NodeTools, tools_of, tools_pod
from seatrial.fixtures.recorder import recording
from seatrial.fixtures.virthandlers import NAME as HANDLERS
from tests.endtoend.commands import PYTEST, ROOT, SEATRIAL, run
from tests.endtoend.leftovers import traces
from tests.endtoend.test_killed_network_runs import state
from tests.endtoend.test_killed_runs import Moment, kill_at

NAMESPACE, SECONDS = "default", 60
RUNS = Moment("VirtualMachineInstanceMigration", lambda obj: (obj.get("status") or {}).get("phase") == "Running")
CASES = {
    "node-cordoned-source-Running": ("cordon", Moment(NODE.kind, lambda obj: obj["spec"].get("unschedulable")), 0.3),
    "node-tainted-target-Running": (
        "cordon",
        Moment(NODE.kind, lambda obj: "seatrial.io/chaos" in str(obj["spec"])),
        0.3,
    ),
    "kubelet-stopped-target-Running": ("node-failure", RUNS, 1.0),
    "link-narrowed-source-Running": ("network", RUNS, 1.0),
    "link-cut-target-Running": ("network", RUNS, 1.0),
    "writes-refused-both-Running": (
        "control-plane",
        Moment(VALIDATING_WEBHOOK_CONFIGURATION.kind, lambda obj: RUN_LABEL in (obj["metadata"].get("labels") or {})),
        0.3,
    ),
    "definition-deleted-both-Running": (
        "migration-network",
        Moment("ConfigMap", lambda obj: '"whole":{' in (obj.get("data") or {}).get("original", "")),
        0.3,
    ),
}
"""For each cell the leave that it needs, the moment, and for how many seconds at most it goes on then."""


@pytest.mark.parametrize("cell", CASES)
def test_a_run_killed_in_the_middle_of_a_fault_is_undone(tmp_path: Path, kubeconfig: Path, api: Api, cell: str) -> None:
    seed = os.environ.get("SEATRIAL_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"SEATRIAL_SEED={seed}")
    leave, moment, longest = CASES[cell]
    before = state(api)
    command = [*PYTEST, ROOT / "chaos", "--profile", "full", "-k", cell, "--allow", leave, "--kubeconfig", kubeconfig]
    killed = kill_at(api, command, tmp_path, moment, random.Random(seed), longest)
    if killed:  # in its last while a run may have undone all of it
        swept = run([*SEATRIAL, "sweep", "--run", killed, "--kubeconfig", kubeconfig], tmp_path)
        assert (swept.status, swept.err) == (0, "")
    with recording(api, None, [NODE, DAEMON_SET]) as history:
        history.wait("all nodes are Ready", _all_ready, SECONDS)
        history.wait("virt-handlers run on the pods' network", _without_network, SECONDS)
    assert traces(api) == []
    assert state(api) == before
    assert shaped_links(api) == []


def _all_ready(history: History) -> bool:
    conditions = [find_condition(node, "Ready") or {} for node in history.objects(NODE.kind)]
    return all(condition.get("status") == "True" for condition in conditions)


def _without_network(history: History) -> bool:
    daemons = history.find(DAEMON_SET.kind, HANDLERS)
    return daemons is not None and rolled_out(daemons, "")


def shaped_links(api: Api) -> list[str]:
    """The nodes whose virt-handler's link is not as it was made."""
    workers = [node["metadata"]["name"] for node in api.list(NODE, labels="kubevirt.io/schedulable=true")]
    made = [api.create(POD, tools_pod(NAMESPACE, node, "tools", {}), NAMESPACE) for node in workers]
    names = [pod["metadata"]["name"] for pod in made]
    with recording(api, NAMESPACE, [POD]) as history:
        pods = [history.wait(f"pod {name} is Ready", partial(_ready, name=name), SECONDS) for name in names]
    try:
        return [tools.node for tools in (tools_of(api, pod) for pod in pods) if "netem" in _qdisc(tools)]
    finally:
        for name in names:
            api.delete(POD, name, NAMESPACE, grace=0)


def _ready(history: History, name: str) -> Object | None:
    pod = history.find(POD.kind, name)
    condition = find_condition(pod, "Ready") if pod else None
    return pod if condition and condition["status"] == "True" else None


def _qdisc(tools: NodeTools) -> str:
    pid = tools.run("pgrep", "-x", "virt-handler").split()[0]
    return tools.run("nsenter", "--target", pid, "--net", "--", "tc", "qdisc", "show", "dev", "eth0")
