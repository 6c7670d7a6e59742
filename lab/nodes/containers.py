"""One container of a pod over its restarts: image, program, exit, back-off."""

from __future__ import annotations

import asyncio
import logging
import traceback
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..clock import timestamp
from ..events import Recorder
from ..kube import Kube, Object
from .cards import Interface
from .images import Image, ImageStore, PullError
from .logs import Log
from .multus import Multus
from .podstatus import Report, Role, Running, State, Terminated, Waiting
from .runtime import Container, Node, program_for
from .stranger import stranger

if TYPE_CHECKING:
    from ..context import LabContext

log = logging.getLogger(__name__)
KILLED = 137
LOST, LOST_HOW = 255, "Unknown"
"""What containerd says of a container that ended with its machine."""
FIRST_BACK_OFF, LONGEST_BACK_OFF = 10.0, 300.0
"""Kubernetes' own, in seconds, for restarts and for image pulls."""


def _present() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True)
class Machine:
    """What a kubelet gives its pods to run on."""

    lab: LabContext
    node: Node
    images: ImageStore
    recorder: Recorder
    multus: Multus | None = None
    kube: Kube | None = None
    kept: asyncio.Event = field(default_factory=_present)
    """Whether there is a kubelet: without one containers go on, and nothing begins."""


class Runner:
    """Runs one container until it is done or stopped. `changed` is called whenever its state differs."""

    def __init__(self, machine: Machine, pod: Object, spec: Object, role: Role, changed: Callable[[], None]) -> None:
        self.spec, self.role, self.pod = spec, role, pod
        self.container: Container | None = None
        self.logs: Log | None = None
        self.previous_logs: Log | None = None
        self.started = asyncio.Event()
        """Set once the container has run for the first time, or never will."""
        self._machine, self._changed = machine, changed
        self._state: State = Waiting("PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating")
        self._last: Terminated | None = None
        self._restarts = 0
        self._image = Image(spec["image"], "")
        self._container_id = ""
        self._stopping = False
        self._program: asyncio.Task[int] | None = None

    @property
    def name(self) -> str:
        name: str = self.spec["name"]
        return name

    @property
    def running(self) -> bool:
        return isinstance(self._state, Running)

    @property
    def succeeded(self) -> bool:
        return isinstance(self._state, Terminated) and self._state.exit_code == 0

    def report(self) -> Report:
        ready = bool(self.running and self.container and self.container.ready)
        return Report(
            spec=self.spec,
            role=self.role,
            state=self._state,
            ready=ready,
            last=self._last,
            restarts=self._restarts,
            image=self._image.name,
            image_id=self._image.id,
            container_id=self._container_id,
        )

    def lose(self, known: Object | None) -> None:
        """The machine was switched off; `known` is what the pod's status says of the container."""
        if known is None or "containerID" not in known:
            return
        state = known.get("state") or {}
        self._image, self._container_id = Image(known["image"], known["imageID"]), known["containerID"]
        self._state = _ended_before(state["terminated"]) if "terminated" in state else _ended_with(state, known)
        self._restarts = known["restartCount"]

    def restart(self) -> None:
        """Run it again, once there is a new sandbox."""
        self._restarts += 1 if isinstance(self._state, Terminated) else 0
        self._become(Waiting("PodInitializing" if self.pod["spec"].get("initContainers") else "ContainerCreating"))

    def update(self, pod: Object) -> None:
        self.pod = pod
        if self.container:
            self.container.pod = pod

    async def keep(self, pod_ip: str, interfaces: Sequence[Interface] = ()) -> None:
        """Run the container as often as the restart policy wants it."""
        try:
            failures = 0
            while not self._stopping:
                await self._machine.kept.wait()
                self._image = await self._have_image()
                code = await self._run(pod_ip, interfaces)
                if self._stopping or not self._again(code):
                    return
                self._restarts += 1
                await self._back_off(failures)
                failures += 1
        finally:
            self.started.set()

    def stop(self) -> None:
        """SIGTERM, and no restart."""
        self._stopping = True
        if self.container:
            self.container.stopping.set()

    def kill(self) -> None:
        """SIGKILL."""
        if self._program:
            self._program.cancel()

    def give_up(self) -> None:
        """The pod has ended before this container ever ran."""
        if isinstance(self._state, Waiting) and self._last is None:
            message = "The container could not be located when the pod was terminated"
            self._become(Terminated(KILLED, "", "", "", message, reason="ContainerStatusUnknown"))

    def say(self, type: str, reason: str, message: str) -> None:
        part = "containers" if self.role is Role.MAIN else "initContainers"
        self._machine.recorder.event(self.pod, type, reason, message, f"spec.{part}{{{self.name}}}")

    def _become(self, state: State) -> None:
        if isinstance(self._state, Terminated):
            self._last = self._state
        self._state = state
        self._changed()

    async def _have_image(self) -> Image:
        name, policy = self.spec["image"], self.spec.get("imagePullPolicy", "IfNotPresent")
        pause = FIRST_BACK_OFF
        while True:
            if found := self._machine.images.get(name, policy):
                text = f'Container image "{name}" already present on machine and can be accessed by the pod'
                self.say("Normal", "Pulled", text)
                return found
            self.say("Normal", "Pulling", f'Pulling image "{name}"')
            try:
                image = await self._machine.images.pull(name)
            except PullError as error:
                await self._pull_failed(name, str(error), pause)
                pause = min(pause * 2, LONGEST_BACK_OFF)
            else:
                self.say("Normal", "Pulled", f'Successfully pulled image "{name}"')
                return image

    async def _pull_failed(self, name: str, why: str, pause: float) -> None:
        self.say("Warning", "Failed", f'Failed to pull image "{name}": {why}')
        self.say("Warning", "Failed", "Error: ErrImagePull")
        self._become(Waiting("ErrImagePull", why))
        await asyncio.sleep(min(1.0, pause))
        self.say("Normal", "BackOff", f'Back-off pulling image "{name}"')
        self.say("Warning", "Failed", "Error: ImagePullBackOff")
        self._become(Waiting("ImagePullBackOff", f'Back-off pulling image "{name}": ErrImagePull: {why}'))
        await asyncio.sleep(pause - min(1.0, pause))

    async def _run(self, pod_ip: str, interfaces: Sequence[Interface]) -> int:
        container = self._create(pod_ip, interfaces)
        self.say("Normal", "Created", "Container created")
        await asyncio.sleep(self._machine.lab.pace.container_start)
        began = timestamp()
        self._program = asyncio.create_task(_execute(container), name=f"{container.pod_name}/{self.name}")
        container.on_kill = self.kill
        if self._stopping:
            container.stopping.set()
        self.say("Normal", "Started", "Container started")
        self._become(Running(began))
        self.started.set()
        code = await self._exit(container)
        self._become(Terminated(code, began, timestamp(), self._container_id))
        return code

    def _create(self, pod_ip: str, interfaces: Sequence[Interface]) -> Container:
        machine = self._machine
        container = Container(machine.lab, machine.node, self.pod, self.name, pod_ip, interfaces)
        container.ready = "readinessProbe" not in self.spec
        container.on_ready = self._changed
        self.previous_logs, self.logs = self.logs, container.logs
        self.container = container
        self._container_id = f"containerd://{uuid.uuid4().hex}{uuid.uuid4().hex}"
        return container

    async def _exit(self, container: Container) -> int:
        assert self._program is not None
        try:
            await asyncio.wait([self._program])
        except asyncio.CancelledError:
            self._program.cancel()
            await asyncio.wait([self._program])
            raise
        finally:
            container.logs.close()
            self.container = None
        return KILLED if self._program.cancelled() else self._program.result()

    def _again(self, code: int) -> bool:
        if self.role is Role.SIDECAR:
            return True
        policy = self.pod["spec"].get("restartPolicy", "Always")
        if self.role is Role.INIT:
            return bool(code and policy != "Never")
        return bool(policy == "Always" or (policy == "OnFailure" and code))

    async def _back_off(self, failures: int) -> None:
        """The first restart is at once; before each later one the container waits, twice as long every time."""
        if failures == 0:
            return
        pause = min(FIRST_BACK_OFF * 2 ** (failures - 1), LONGEST_BACK_OFF)
        where = f"{self.pod['metadata']['name']}_{self.pod['metadata']['namespace']}({self.pod['metadata']['uid']})"
        message = f"back-off {pause:.0f}s restarting failed container={self.name} pod={where}"
        self.say("Warning", "BackOff", f"Back-off restarting failed container {self.name} in pod {where}")
        self._become(Waiting("CrashLoopBackOff", message))
        await asyncio.sleep(pause)


def _ended_before(told: Object) -> Terminated:
    code, reason = told["exitCode"], told.get("reason", "")
    times = (told.get("startedAt") or "", told.get("finishedAt") or "")
    return Terminated(code, *times, told.get("containerID", ""), told.get("message", ""), reason)


def _ended_with(state: Object, known: Object) -> Terminated:
    """The container ended when its machine was switched off."""
    began = (state.get("running") or {}).get("startedAt", "")
    return Terminated(LOST, began, timestamp(), known["containerID"], reason=LOST_HOW)


async def _execute(container: Container) -> int:
    try:
        return await (program_for(container) or stranger)(container)
    except Exception:
        container.log(traceback.format_exc())
        log.exception("%s/%s: container %s crashed", container.namespace, container.pod_name, container.name)
        return 1
