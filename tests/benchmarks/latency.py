"""From a state change in the lab to the test's seeing it.

A change is timed from the moment its request is sent, so the figure is an upper bound; it is seen when the history
that a test waits on has it. Once with the lab idle, once while VMs migrate on it.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from seatrial.fixtures.api import Api
from seatrial.fixtures.cluster import Cluster
from seatrial.fixtures.guestdata import guest_secret
from seatrial.fixtures.history import History
from seatrial.fixtures.kinds import CONFIG_MAP, NAMESPACE, SECRET, VIRTUAL_MACHINE
from seatrial.fixtures.machine import VirtualMachine
from seatrial.fixtures.recorder import Recorder
from seatrial.fixtures.stage import Stage
from seatrial.fixtures.vmspec import VmSpec, tutorial_template
from tests.labs import running_lab

from .percentiles import line

CHANGES = 500
MACHINES = 4
PLACE = "latency"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as kubeconfig:
        api = Api.from_kubeconfig(str(kubeconfig))
        api.create(NAMESPACE, {"metadata": {"name": PLACE}})
        api.create(SECRET, guest_secret({}), PLACE)
        print(line("state change seen, lab idle", _measure(api)))
        ended = threading.Event()
        mover = threading.Thread(target=_migrate, args=(Api.from_kubeconfig(str(kubeconfig)), ended))
        mover.start()
        try:
            print(line(f"state change seen, {MACHINES} VMs migrating", _measure(api)))
        finally:
            ended.set()
            mover.join()


def _measure(api: Api) -> list[float]:
    """Change an object many times; for each change the milliseconds until the history has it."""
    history = History()
    recorder = Recorder(api, history, PLACE, [CONFIG_MAP])
    recorder.start()
    api.create(CONFIG_MAP, {"metadata": {"name": "watched"}}, PLACE)
    took = []
    for number in range(CHANGES):
        sent = history.elapsed()
        api.patch(CONFIG_MAP, "watched", {"data": {"number": str(number)}}, PLACE)
        seen = history.wait("the change is seen", lambda now, wanted=str(number): _seen(now, wanted), 10.0)  # type: ignore[misc]
        took.append((seen - sent) * 1000)
    recorder.stop()
    api.delete(CONFIG_MAP, "watched", PLACE)
    return took


def _seen(history: History, number: str) -> float | None:
    last = history.last(CONFIG_MAP.kind, "watched")
    return last.t if last and (last.object.get("data") or {}).get("number") == number else None


def _migrate(api: Api, ended: threading.Event) -> None:
    """Keep VMs migrating until told to end."""
    history = History()
    recorder = Recorder(api, history, PLACE)
    recorder.start()
    cluster = Cluster(api)
    stage = Stage(cluster, PLACE, {}, history, tutorial_template("quay.io/kubevirt/cirros-container-disk-demo"))
    for number in range(MACHINES):
        spec = VmSpec(f"vm-{number}", stage.template, {}, tolerations=tuple(cluster.tolerations))
        stage.create(VIRTUAL_MACHINE, spec.body())
    machines = [VirtualMachine(stage, f"vm-{number}") for number in range(MACHINES)]
    for machine in machines:
        machine.wait_running()
    while not ended.is_set():
        for migration in [machine.migrate() for machine in machines]:
            migration.wait_final()
    recorder.stop()
