"""One pod on its node: sandbox, init containers, containers, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from ..clock import timestamp
from ..kube import Object, cancel
from ..network import POD_PREFIX
from .cards import WORKLOAD, Interface
from .containers import Machine, Runner
from .mounts import missing
from .multus import AttachError
from .podstatus import OWN_CONDITIONS, Host, Role, pod_status, role_of

DEFAULT_GRACE = 30
NO_SANDBOX = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox"


class PodWorker:
    """Runs one pod. `changed` is called whenever its status may differ; `over` tells that all of it has ended."""

    def __init__(self, machine: Machine, pod: Object, changed: Callable[[], None], *, lost: bool = False) -> None:
        self.pod = pod
        self.over = False
        self._machine, self._changed = machine, changed
        self._ending = asyncio.Event()
        self._grace_changed = asyncio.Event()
        self._removed = False
        self._sandbox = False
        self._pod_ip = ""
        self._interfaces: list[Interface] = []
        self._since = timestamp()
        self._conditions = [
            condition
            for condition in pod.get("status", {}).get("conditions", [])
            if condition["type"] in OWN_CONDITIONS
        ]
        self.runners = [
            Runner(machine, pod, spec, role_of(spec, init=init), changed)
            for init, field in ((True, "initContainers"), (False, "containers"))
            for spec in pod["spec"].get(field, [])
        ]
        self._keeping: dict[Runner, asyncio.Task[None]] = {}
        self._lost = lost
        if lost:
            self._lose()

    def _lose(self) -> None:
        """Whatever of the pod ran on this machine ended when the machine was switched off."""
        status = self.pod["status"]
        known = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
        for runner in self.runners:
            runner.lose(next((item for item in known if item["name"] == runner.name), None))

    @property
    def addresses(self) -> list[str]:
        """Where the lab listens for the pod's interfaces."""
        return [interface.socket for interface in self._interfaces]

    def update(self, pod: Object) -> None:
        """Take a newer version of the pod; a deletion timestamp in it starts the pod's end."""
        self.pod = pod
        for runner in self.runners:
            runner.update(pod)
        if "deletionTimestamp" in pod["metadata"]:
            self._ending.set()
            self._grace_changed.set()
        self._changed()

    def remove(self) -> None:
        """The Pod object is gone: end at once."""
        self._removed = True
        self._ending.set()
        self._grace_changed.set()

    def runner(self, name: str) -> Runner | None:
        return next((runner for runner in self.runners if runner.name == name), None)

    def status(self) -> Object:
        """The kubelet's part of the pod's status, as of now."""
        address = self._pod_ip if self._sandbox else ""
        host = Host(self._machine.node.address, address, self._sandbox, self._since)
        status = pod_status(self.pod, host, [runner.report() for runner in self.runners], self._conditions)
        self._conditions = status["conditions"]
        return status

    async def run(self) -> None:
        """Run the pod to its end, whichever way it comes."""
        if self._lost and self.pod["spec"].get("restartPolicy", "Always") == "Never":
            self._end_lost()
            return
        life = asyncio.create_task(self._live())
        ending = asyncio.create_task(self._ending.wait())
        try:
            await asyncio.wait([life, ending], return_when=asyncio.FIRST_COMPLETED)
            if not life.done():
                await cancel(life)
                await self._terminate()
        finally:
            await cancel(life, ending, *self._keeping.values())
            self._release()
        if not life.cancelled():
            life.result()
        self.over = True
        self._changed()

    def _end_lost(self) -> None:
        """A pod whose containers are not to be started again has ended with its machine."""
        for runner in self.runners:
            runner.give_up()
        self.over = True
        self._changed()

    async def _live(self) -> None:
        if self._lost:
            for runner in self.runners:
                runner.restart()
            text = "Pod sandbox changed, it will be killed and re-created."
            self._machine.recorder.event(self.pod, "Normal", "SandboxChanged", text)
        self._changed()
        await self._make_sandbox()
        if await self._initialize():
            mains = self._of(Role.MAIN)
            for runner in mains:
                self._launch(runner)
            await self._ended(*mains)
        self._say_killing(self._of(Role.SIDECAR))
        await self._stop(self._of(Role.SIDECAR))

    async def _mount(self) -> None:
        """Until all that the pod's volumes bring is there; as long as something is missing, the pod waits."""
        while self._machine.kube and (message := await missing(self._machine.kube, self.pod)):
            self._machine.recorder.event(self.pod, "Warning", "FailedMount", message)
            await asyncio.sleep(self._machine.lab.pace.sandbox_retry)

    async def _make_sandbox(self) -> None:
        await self._machine.kept.wait()
        await self._mount()
        await asyncio.sleep(self._machine.lab.pace.container_start)
        if self.pod["spec"].get("hostNetwork"):
            self._pod_ip = self._machine.node.address
        else:
            self._pod_ip = self._machine.node.block.pods(self._machine.node.index).take()
            self._interfaces = await self._attach()
        self._sandbox = True
        self._changed()

    async def _attach(self) -> list[Interface]:
        """The pod's interfaces; as long as a network refuses it, the pod waits, and says why."""
        node = self._machine.node
        own = Interface(WORKLOAD, node.cards[WORKLOAD], self._pod_ip, self._pod_ip, prefix=POD_PREFIX)
        while self._machine.multus:
            try:
                return [own, *await self._machine.multus.attach(self.pod, self._pod_ip)]
            except AttachError as error:
                message = f'{NO_SANDBOX} "{self.pod["metadata"]["uid"]}": {error}'
                self._machine.recorder.event(self.pod, "Warning", "FailedCreatePodSandBox", message)
            await asyncio.sleep(self._machine.lab.pace.sandbox_retry)
        return [own]

    async def _initialize(self) -> bool:
        for runner in self.runners:
            if runner.role is Role.SIDECAR:
                self._launch(runner)
                await runner.started.wait()
            elif runner.role is Role.INIT:
                self._launch(runner)
                await self._ended(runner)
                if not runner.succeeded:
                    return False
        return True

    def _launch(self, runner: Runner) -> None:
        self._keeping[runner] = asyncio.create_task(runner.keep(self._pod_ip, self._interfaces))

    async def _ended(self, *runners: Runner) -> None:
        """Wait until containers have ended; to be cancelled while waiting does them no harm."""
        tasks = [self._keeping[runner] for runner in runners]
        await asyncio.wait(tasks)
        for task in tasks:
            task.result()

    async def _terminate(self) -> None:
        self._say_killing(self.runners)
        began = asyncio.get_running_loop().time()
        await self._stop(self._of(Role.INIT, Role.MAIN), began)
        await self._stop(self._of(Role.SIDECAR), began)
        for runner in self.runners:
            runner.give_up()

    def _say_killing(self, runners: Iterable[Runner]) -> None:
        for runner in runners:
            if runner.running:
                runner.say("Normal", "Killing", f"Stopping container {runner.name}")

    async def _stop(self, runners: Iterable[Runner], began: float | None = None) -> None:
        """SIGTERM, then SIGKILL once the grace period, counted from `began`, has passed."""
        runners = list(runners)
        for runner in runners:
            runner.stop()
            if not runner.running and runner in self._keeping:
                self._keeping[runner].cancel()
        loop = asyncio.get_running_loop()
        start = loop.time() if began is None else began
        while alive := [runner for runner in runners if runner in self._keeping and not self._keeping[runner].done()]:
            self._grace_changed.clear()
            left = start + self._grace() - loop.time()
            if left <= 0:
                for runner in alive:
                    runner.kill()
            await self._wait([self._keeping[runner] for runner in alive], max(left, 0.0) or None)

    async def _wait(self, tasks: list[asyncio.Task[None]], seconds: float | None) -> None:
        """Until one of `tasks` has ended, the grace period has been changed, or `seconds` have passed."""
        changed = asyncio.create_task(self._grace_changed.wait())
        await asyncio.wait([*tasks, changed], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        await cancel(changed)

    def _grace(self) -> float:
        least = self._machine.lab.pace.forced_grace
        if self._removed:
            return least
        metadata, spec = self.pod["metadata"], self.pod["spec"]
        grace = metadata.get("deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE))
        return max(float(grace), least)

    def _of(self, *roles: Role) -> list[Runner]:
        return [runner for runner in self.runners if runner.role in roles]

    def _release(self) -> None:
        self._machine.lab.disturbances.forget(self.addresses)
        if self._machine.multus:
            self._machine.multus.detach(self._interfaces)
        if self._pod_ip and not self.pod["spec"].get("hostNetwork"):
            self._machine.node.block.pods(self._machine.node.index).release(self._pod_ip)
            self._sandbox = False
