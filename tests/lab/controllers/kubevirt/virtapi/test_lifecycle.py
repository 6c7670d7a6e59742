"""The subresources that change objects: what they write, and with which words they refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from seatrial.lab.controllers.kubevirt.virtapi.lifecycle import RECOVERY, Lifecycle
from seatrial.lab.controllers.kubevirt.virtapi.refusals import Refusal
from seatrial.lab.defects import Defects
from seatrial.lab.kinds import MIGRATION, NODE, POD, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE
from seatrial.lab.kube import Kind, Kube, Object

from ..objects_made import vmi
from .reviews import RawApi, api_error

CONFLICT = 'Operation cannot be fulfilled on virtualmachine.kubevirt.io "vm1": '
Verb = Callable[[Lifecycle], Awaitable[Any]]


class World:
    """One VM, perhaps with its VMI, and what a verb makes of them."""

    def __init__(self, strategy: str, guest: str = "", **status: Any) -> None:
        self.api = RawApi()
        self.put(VIRTUAL_MACHINE, _vm({"runStrategy": strategy}, **status))
        if guest:
            self.put(VIRTUAL_MACHINE_INSTANCE, vmi(guest))

    def put(self, kind: Kind, obj: Object) -> None:
        metadata = obj["metadata"]
        self.api.objects[kind.plural, metadata.get("namespace", ""), metadata["name"]] = obj

    def after(self, verb: Verb) -> Object:
        """The VM after the verb was carried out."""
        asyncio.run(self._do(verb))
        return self.api.all(VIRTUAL_MACHINE)[0]

    def refused(self, verb: Verb) -> Refusal:
        with pytest.raises(Refusal) as raised:
            asyncio.run(self._do(verb))
        return raised.value

    async def _do(self, verb: Verb) -> None:
        await verb(Lifecycle(cast(Kube, self.api), Defects()))


def _vm(spec: Object, **status: Any) -> Object:
    body = {"metadata": {"name": "vm1", "namespace": "vms", "resourceVersion": "1"}, "spec": spec}
    return {**body, "status": {"printableStatus": "Stopped", **status}}


def _start(**options: Any) -> Verb:
    return lambda life: life.start("vms", "vm1", options)


def _stop(**options: Any) -> Verb:
    return lambda life: life.stop("vms", "vm1", options)


def _restart(**options: Any) -> Verb:
    return lambda life: life.restart("vms", "vm1", options)


def _migrate(**options: Any) -> Verb:
    return lambda life: life.migrate("vms", "vm1", options)


START, STOP = {"action": "Start"}, {"action": "Stop", "uid": "vmi-uid"}


@pytest.mark.parametrize(
    ("spec", "verb", "guest", "after"),
    [
        ({"runStrategy": "Halted"}, _start(), "", {"runStrategy": "Always"}),
        ({"running": False}, _start(), "", {"running": True}),
        ({"runStrategy": "Always"}, _stop(), "Running", {"runStrategy": "Halted"}),
        ({"running": True}, _stop(), "Running", {"running": False}),
        ({"runStrategy": "Once"}, _stop(), "", {"runStrategy": "Halted"}),
    ],
)
def test_strategies_that_start_and_stop_change(spec: Object, verb: Verb, guest: str, after: Object) -> None:
    world = World("", guest)
    world.put(VIRTUAL_MACHINE, _vm(spec))
    assert world.after(verb)["spec"] == after


@pytest.mark.parametrize(
    ("strategy", "guest", "verb", "requests"),
    [
        ("Manual", "", _start(), [START]),
        ("Manual", "Succeeded", _start(), [STOP, START]),
        ("RerunOnFailure", "Succeeded", _start(), [STOP, START]),
        ("Halted", "", _start(paused=True), [{**START, "data": {"paused": "true"}}]),
        ("Manual", "Running", _stop(), [STOP]),
        ("RerunOnFailure", "Running", _stop(), [STOP]),
        ("Always", "Running", _restart(), [STOP, START]),
    ],
)
def test_other_strategies_are_asked(strategy: str, guest: str, verb: Verb, requests: list[Object]) -> None:
    vm = World(strategy, guest).after(verb)
    assert vm["status"]["stateChangeRequests"] == requests
    assert vm["spec"] == {"runStrategy": strategy}


@pytest.mark.parametrize(
    ("strategy", "guest", "verb", "text"),
    [
        ("Always", "Running", _start(), "VM is already running"),
        ("Always", "", _start(), "Always does not support manual start requests"),
        ("Once", "", _start(), "Once does not support manual start requests"),
        ("RerunOnFailure", "Failed", _start(), "RerunOnFailure does not support starting VM from failed state"),
        ("Halted", "", _stop(), "VM is not running"),
        ("Manual", "Succeeded", _stop(), "VM is not running"),
        ("Halted", "Running", _stop(), "Halted only supports manual stop requests with a shorter graceperiod"),
        ("Halted", "", _restart(), "RunStategy Halted does not support manual restart requests"),
        ("Once", "", _restart(), "RunStategy Once does not support manual restart requests"),
        ("Always", "", _restart(), "VM is not running: Halted"),
        ("Always", "Scheduling", _migrate(), "VM is not running"),
    ],
)
def test_conflicts(strategy: str, guest: str, verb: Verb, text: str) -> None:
    refusal = World(strategy, guest).refused(verb)
    assert (refusal.code, refusal.reason, refusal.message) == (409, "Conflict", CONFLICT + text)
    details = {"name": "vm1", "group": "kubevirt.io", "kind": "virtualmachine"}
    assert refusal.status()["details"] == details


def test_vm_with_volumes_in_disarray() -> None:
    broken = {"type": "ManualRecoveryRequired", "status": "True"}
    assert World("Halted", conditions=[broken]).refused(_start()).message == CONFLICT + RECOVERY


def test_second_request_before_the_first_is_served() -> None:
    refusal = World("Manual", stateChangeRequests=[START]).refused(_start())
    assert refusal.message == "Internal error occurred: unable to complete request: stop/start already underway"
    stopped = World("Manual", "Running", stateChangeRequests=[START]).after(_stop())
    assert stopped["status"]["stateChangeRequests"] == [STOP], "a stop replaces what was asked before"


def test_halted_vm_stops_sooner_when_told() -> None:
    world = World("Halted", "Running")
    world.put(VIRTUAL_MACHINE_INSTANCE, {**vmi(), "spec": {**vmi()["spec"], "terminationGracePeriodSeconds": 30}})
    assert world.after(_stop(gracePeriod=5))["status"]["stateChangeRequests"] == [STOP]
    assert world.api.all(VIRTUAL_MACHINE_INSTANCE)[0]["spec"]["terminationGracePeriodSeconds"] == 5


@pytest.mark.parametrize(
    ("grace", "text"),
    [
        (5, "For force restart, only gracePeriod=0 is supported for now"),
        (-1, "gracePeriod has to be greater or equal to 0"),
    ],
)
def test_grace_of_a_restart(grace: int, text: str) -> None:
    refusal = World("Always", "Running").refused(_restart(gracePeriodSeconds=grace))
    assert (refusal.code, refusal.message) == (400, text)


def test_forced_restart_kills_the_launcher() -> None:
    world = World("Always", "Running")
    labels = {"kubevirt.io": "virt-launcher", "kubevirt.io/created-by": "vmi-uid"}
    world.put(
        POD,
        {"metadata": {"name": "l", "namespace": "vms", "labels": labels}, "spec": {}, "status": {"phase": "Running"}},
    )
    world.after(_restart(gracePeriodSeconds=0))
    assert world.api.all(POD) == []


def test_dry_runs_change_nothing() -> None:
    world = World("Halted")
    assert world.after(_start(dryRun=["All"]))["spec"] == {"runStrategy": "Halted"}
    assert world.api.queries == [{"dryRun": "All"}]


def test_migrate_creates_a_migration() -> None:
    world = World("Always", "Running")
    world.after(_migrate(addedNodeSelector={"disk": "fast"}))
    made = world.api.all(MIGRATION)[0]
    assert made["metadata"]["generateName"] == "kubevirt-migrate-vm-"
    assert made["spec"] == {"vmiName": "vm1", "addedNodeSelector": {"disk": "fast"}}


def test_migrate_in_a_dry_run_creates_none() -> None:
    world = World("Always", "Running")
    world.after(_migrate(dryRun=["All"]))
    assert world.api.all(MIGRATION) == []


def test_migrate_wraps_the_webhooks_words() -> None:
    world = World("Always", "Running")
    words = 'admission webhook "migration-create-validator.kubevirt.io" denied the request: no'

    def refuse(kind: Kind, body: Object) -> None:
        raise api_error(words)

    world.api.refuse = refuse
    refusal = world.refused(_migrate())
    assert (refusal.code, refusal.reason) == (500, "InternalError")
    assert refusal.message == f"Internal error occurred: {words}"


@pytest.mark.parametrize("verb", [_start(), _stop(), _restart(), _migrate()])
def test_vm_that_does_not_exist(verb: Verb) -> None:
    world = World("Always")
    world.api.objects.clear()
    refusal = world.refused(verb)
    assert (refusal.code, refusal.message) == (404, 'virtualmachine.kubevirt.io "vm1" not found')


def test_migrate_without_vmi() -> None:
    refusal = World("Always").refused(_migrate())
    assert (refusal.code, refusal.message) == (404, 'virtualmachineinstance.kubevirt.io "vm1" not found')


def _evacuated(taints: list[Object], **options: Any) -> tuple[World, Verb]:
    world = World("Always", "Running", created=True)
    world.put(VIRTUAL_MACHINE_INSTANCE, vmi(evacuationNodeName="node-a"))
    world.put(NODE, {"metadata": {"name": "node-a"}, "spec": {"taints": taints}})

    async def cancel(life: Lifecycle) -> None:
        await life.cancel_evacuation(await life.vmi_of_vm("vms", "vm1"), options or None, "kubevirt.io/drain")

    return world, cancel


def test_evacuation_is_cancelled() -> None:
    world, cancel = _evacuated([], evacuationNodeName="node-a")
    world.after(cancel)
    assert "evacuationNodeName" not in world.api.all(VIRTUAL_MACHINE_INSTANCE)[0]["status"]


def test_cancelled_evacuation_must_name_its_node() -> None:
    world, cancel = _evacuated([], evacuationNodeName="node-b")
    assert world.refused(cancel).code == 500
    world, cancel = _evacuated([])
    assert (world.refused(cancel).code, world.refused(cancel).message) == (400, "No body")


def test_evacuation_by_the_drain_taint_cannot_be_cancelled() -> None:
    world, cancel = _evacuated([{"key": "kubevirt.io/drain", "effect": "NoSchedule"}], evacuationNodeName="node-a")
    text = 'Node "node-a" has NodeDrainTaintKey "kubevirt.io/drain:NoSchedule"'
    assert (world.refused(cancel).code, world.refused(cancel).message) == (400, text)


def test_vm_that_was_not_started_has_no_evacuation() -> None:
    refusal = World("Halted").refused(lambda life: life.vmi_of_vm("vms", "vm1"))
    assert refusal.message == CONFLICT + "VMI is not started"
