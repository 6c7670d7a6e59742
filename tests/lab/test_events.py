import asyncio
from typing import Any, cast

from seatrial.lab.events import Recorder
from seatrial.lab.kube import ApiError, Kind, Kube, Object

VMI: Object = {
    "apiVersion": "kubevirt.io/v1",
    "kind": "VirtualMachineInstance",
    "metadata": {"name": "vm1", "namespace": "vms", "uid": "u1", "resourceVersion": "7"},
}


class Server:
    """Stands for the API server: stores what it is sent."""

    def __init__(self) -> None:
        self.events: dict[str, Object] = {}
        self.refuse = False

    async def create(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        if self.refuse:
            raise ApiError(403, {"message": "namespace is being terminated"})
        self.events[body["metadata"]["name"]] = body
        return body

    async def patch(
        self, kind: Kind, name: str, patch: Any, namespace: str | None = None, style: str = "json"
    ) -> Object:
        if name not in self.events:
            raise ApiError(404, {})
        self.events[name].update(patch)
        return self.events[name]


def said(server: Server, *notes: tuple[Object, str, str]) -> list[Object]:
    async def run() -> None:
        recorder = Recorder(cast(Kube, server), "virtualmachine-controller")
        for obj, reason, message in notes:
            recorder.event(obj, "Normal", reason, message)
        await recorder.flush()

    asyncio.run(run())
    return list(server.events.values())


def test_event_names_its_object_and_its_source() -> None:
    (event,) = said(Server(), (VMI, "Migrating", "VirtualMachineInstance is migrating."))
    assert event["involvedObject"] == {
        "kind": "VirtualMachineInstance",
        "namespace": "vms",
        "name": "vm1",
        "uid": "u1",
        "apiVersion": "kubevirt.io/v1",
        "resourceVersion": "7",
    }
    assert event["source"] == {"component": "virtualmachine-controller"}
    assert event["metadata"]["name"].startswith("vm1.")


def test_repeats_raise_the_count_even_when_the_object_has_changed() -> None:
    later = {**VMI, "metadata": {**VMI["metadata"], "resourceVersion": "9"}}
    (event,) = said(Server(), (VMI, "Migrating", "m"), (later, "Migrating", "m"))
    assert event["count"] == 2


def test_another_message_is_another_event() -> None:
    events = said(Server(), (VMI, "Migrated", "a"), (VMI, "Migrated", "b"))
    assert [event["message"] for event in events] == ["a", "b"]


def test_a_refused_event_is_dropped_and_the_next_one_written() -> None:
    server = Server()
    server.refuse = True
    assert said(server, (VMI, "Migrated", "a")) == []
    server.refuse = False
    assert len(said(server, (VMI, "Migrated", "a"))) == 1
