"""A pod's life on its node, without an API server."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from seatrial.lab.context import LabContext
from seatrial.lab.disturbances import Disturbances
from seatrial.lab.events import Recorder
from seatrial.lab.kube import Kind, Kube, Object
from seatrial.lab.network import Block
from seatrial.lab.nodes.containers import Machine
from seatrial.lab.nodes.images import ImageStore
from seatrial.lab.nodes.podworker import PodWorker
from seatrial.lab.nodes.runtime import Container, Node, Signal, programs
from seatrial.lab.pace import Pace

LIMIT = 60.0


class Events:
    """Stands for the recorder: keeps what is said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def event(self, obj: Object, type: str, reason: str, message: str, field: str = "") -> None:
        self.said.append((reason, message, field))

    def reasons(self, field: str) -> list[str]:
        return [reason for reason, _, where in self.said if where == field]


class Things:
    """Stands for the API: the Secrets and ConfigMaps that are there."""

    def __init__(self) -> None:
        self.there = {("Secret", "known"), ("ConfigMap", "known")}

    async def find(self, kind: Kind, name: str, namespace: str) -> Object | None:
        return {} if (kind.kind, name) in self.there else None


class House:
    """A node to run pods on."""

    def __init__(self, block: Block) -> None:
        self.events = Events()
        self.api = Things()
        self.node = Node("n1", 1, block.node(1), block)
        context = cast(LabContext, SimpleNamespace(pace=Pace(), disturbances=Disturbances()))
        kube = cast(Kube, self.api)
        self.machine = Machine(context, self.node, ImageStore(0.0), cast(Recorder, self.events), kube=kube)
        self.changed = asyncio.Event()

    def start(self, pod: Object) -> tuple[PodWorker, "asyncio.Task[None]"]:
        worker = PodWorker(self.machine, pod, self.changed.set)
        return worker, asyncio.create_task(worker.run())

    async def until(self, worker: PodWorker, holds: Callable[[Object], bool]) -> Object:
        async with asyncio.timeout(LIMIT):
            while not holds(status := worker.status()):
                self.changed.clear()
                await self.changed.wait()
        return status


@pytest.fixture
def block() -> Iterator[Block]:
    block = Block.claim()
    yield block
    block.release()


@pytest.fixture(autouse=True)
def _own_programs() -> Iterator[None]:
    before = dict(programs)
    yield
    programs.clear()
    programs.update(before)


def pod(*containers: Object, **spec: Any) -> Object:
    return {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u", "generation": 1},
        "spec": {"containers": list(containers), "restartPolicy": "Never", **spec},
    }


def deleted(obj: Object, grace: int) -> Object:
    metadata = {**obj["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": grace}
    return {**obj, "metadata": metadata}


def container(name: str, image: str = "idle:1", **more: Any) -> Object:
    return {"name": name, "image": image, **more}


def lived(block: Block, story: Callable[[House], Awaitable[None]]) -> Events:
    async def run() -> Events:
        house = House(block)
        await story(house)
        return house.events

    return asyncio.run(run())


def phase_is(phase: str) -> Callable[[Object], bool]:
    return lambda status: bool(status["phase"] == phase)


def test_a_pod_runs_until_it_is_deleted(block: Block) -> None:
    async def story(house: House) -> None:
        mine = pod(container("compute"))
        worker, task = house.start(mine)
        running = await house.until(worker, phase_is("Running"))
        assert running["podIP"].startswith(f"127.{block.number}.")
        assert running["containerStatuses"][0]["imageID"].startswith("idle@sha256:")
        worker.update(deleted(mine, 30))
        await asyncio.wait_for(task, LIMIT)
        assert worker.status()["phase"] == "Succeeded"
        assert worker.over

    events = lived(block, story)
    assert events.reasons("spec.containers{compute}") == ["Pulling", "Pulled", "Created", "Started", "Killing"]


def test_init_containers_come_first_and_sidecars_stay_beside(block: Block) -> None:
    order: list[str] = []

    async def copy(container: Container) -> int:
        order.append(f"{container.name} ended")
        return 0

    async def work(container: Container) -> int:
        order.append(f"{container.name} started")
        return 0

    programs.update({"copy": copy, "work": work})

    async def story(house: House) -> None:
        init = [container("log", restartPolicy="Always"), container("binary", "copy:1")]
        worker, task = house.start(pod(container("compute", "work:1"), initContainers=init))
        await asyncio.wait_for(task, LIMIT)
        status = worker.status()
        assert status["phase"] == "Succeeded"
        assert [item["name"] for item in status["initContainerStatuses"]] == ["log", "binary"]
        assert all("terminated" in item["state"] for item in status["initContainerStatuses"])

    lived(block, story)
    assert order == ["binary ended", "compute started"]


def test_a_program_that_ignores_sigterm_is_killed_after_its_grace(block: Block) -> None:
    async def stubborn(container: Container) -> int:
        await asyncio.Event().wait()
        return 0

    programs["stubborn"] = stubborn

    async def story(house: House) -> None:
        mine = pod(container("compute", "stubborn:1"))
        worker, task = house.start(mine)
        await house.until(worker, phase_is("Running"))
        worker.update(deleted(mine, 3600))
        worker.update(deleted(mine, 0))
        await asyncio.wait_for(task, LIMIT)
        status = worker.status()
        assert status["phase"] == "Failed"
        assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137

    lived(block, story)


def test_a_crashed_program_is_started_again(block: Block) -> None:
    runs: list[Container] = []

    async def flaky(container: Container) -> int:
        runs.append(container)
        if len(runs) == 1:
            container.log("about to fall")
            return 3
        container.report_ready()
        await container.stopping.wait()
        return 0

    programs["flaky"] = flaky

    async def story(house: House) -> None:
        mine = pod(container("api", "flaky:1", readinessProbe={}), restartPolicy="Always")
        worker, task = house.start(mine)
        status = await house.until(worker, lambda status: bool(status["containerStatuses"][0]["ready"]))
        (found,) = status["containerStatuses"]
        assert found["restartCount"] == 1
        assert found["lastState"]["terminated"]["exitCode"] == 3
        (runner,) = worker.runners
        assert runner.previous_logs
        assert [line.text for line in runner.previous_logs.lines()] == ["about to fall"]
        worker.update(deleted(mine, 1))
        await asyncio.wait_for(task, LIMIT)

    lived(block, story)


def test_a_readiness_probe_leaves_readiness_to_the_program(block: Block) -> None:
    async def story(house: House) -> None:
        async def slow(container: Container) -> int:
            await container.stopping.wait()
            return 0

        programs["slow"] = slow
        mine = pod(container("api", "slow:1", readinessProbe={}), container("other"))
        worker, task = house.start(mine)
        status = await house.until(worker, phase_is("Running"))
        assert [item["ready"] for item in status["containerStatuses"]] == [False, True]
        runner = worker.runner("api")
        assert runner
        assert runner.container
        runner.container.report_ready()
        assert worker.status()["containerStatuses"][0]["ready"]
        runner.container.kill(Signal.KILL)
        await house.until(worker, lambda status: "terminated" in status["containerStatuses"][0]["state"])
        worker.remove()
        await asyncio.wait_for(task, LIMIT)

    lived(block, story)


@pytest.mark.parametrize("image", ["registry.invalid/thing:1", "quay.io/does-not-exist:1"])
def test_an_image_that_cannot_be_had_keeps_the_pod_pending(block: Block, image: str) -> None:
    async def story(house: House) -> None:
        mine = pod(container("compute", image))
        worker, task = house.start(mine)
        status = await house.until(worker, lambda status: _waits_for(status) == "ErrImagePull")
        assert status["phase"] == "Pending"
        worker.update(deleted(mine, 0))
        await asyncio.wait_for(task, LIMIT)
        assert worker.status()["containerStatuses"][0]["state"]["terminated"]["reason"] == "ContainerStatusUnknown"

    assert "Failed" in lived(block, story).reasons("spec.containers{compute}")


def _waits_for(status: Object) -> str:
    return str(status["containerStatuses"][0]["state"].get("waiting", {}).get("reason"))


def test_a_modelled_command_is_run_for_any_image(block: Block) -> None:
    async def story(house: House) -> None:
        worker, task = house.start(pod(container("job", "busybox:1", command=["sh", "-c", "echo done\nexit 2"])))
        await asyncio.wait_for(task, LIMIT)
        assert worker.status()["phase"] == "Failed"
        (runner,) = worker.runners
        assert runner.logs
        assert [line.text for line in runner.logs.lines()] == ["done"]

    lived(block, story)


def test_an_address_is_given_back(block: Block) -> None:
    async def story(house: House) -> None:
        for _ in range(3):
            worker, task = house.start(pod(container("compute")))
            await house.until(worker, phase_is("Running"))
            worker.remove()
            await asyncio.wait_for(task, LIMIT)
        assert block.pods(1).take() == f"127.{block.number}.24.4"
        block.pods(1).take(f"127.{block.number}.24.1")

    lived(block, story)


def test_a_pod_waits_for_what_it_mounts(block: Block) -> None:
    """As the guests' user data, which comes in a Secret: KubeVirt does not ask for it, the kubelet does."""
    config = {"name": "config", "configMap": {"name": "known"}}
    optional = {"name": "optional", "secret": {"secretName": "nowhere", "optional": True}}
    data = {"name": "data", "secret": {"secretName": "late"}}

    async def story(house: House) -> None:
        worker, task = house.start(pod(container("compute"), volumes=[config, optional, data]))
        async with asyncio.timeout(LIMIT):
            while not house.events.said:
                await asyncio.sleep(0.01)
        assert house.events.said[0][:2] == (
            "FailedMount",
            'MountVolume.SetUp failed for volume "data" : secret "late" not found',
        )
        assert _waits_for(worker.status()) == "ContainerCreating"
        house.api.there.add(("Secret", "late"))
        await house.until(worker, phase_is("Running"))
        worker.remove()
        await asyncio.wait_for(task, LIMIT)

    lived(block, story)
