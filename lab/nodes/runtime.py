"""What a container is in the lab: a coroutine, chosen by the image's name, that is handed its pod and its node.

KubeVirt's components are such programs, so that killing the pod kills the component, as on a cluster.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..kube import Kube, Object
from ..network import Block
from .cards import WORKLOAD, Card, Interface, cards
from .logs import Log
from .podnetwork import PodNetwork

if TYPE_CHECKING:
    from ..context import LabContext


FIRST_PID, PIDS_OF_A_CONTAINER = 1000, 10


@dataclass(frozen=True)
class Node:
    """One machine. `machines` is what programs on it share with one another (sockets, domains), keyed by its owner."""

    name: str
    index: int
    address: str
    block: Block
    machines: dict[str, Any] = field(default_factory=dict)
    cards: dict[str, Card] = field(default_factory=cards)

    def next_pid(self) -> int:
        """The number of a new container's first process."""
        self.machines["pid"] = self.machines.get("pid", FIRST_PID) + PIDS_OF_A_CONTAINER
        return int(self.machines["pid"])


Ran = tuple[int, str, str]
"""What a command in a container came to: exit code, stdout, stderr."""
Exec = Callable[[Sequence[str], bytes], Awaitable[Ran]]
"""Runs a command in a container: (argv, stdin)."""
Program = Callable[["Container"], Awaitable[int]]
"""What an image runs; the result is the exit code. An exception is a crash: logged, exit code 1."""


class Signal(Enum):
    """What can be sent to a container's first process."""

    TERM = 15
    KILL = 9


class Container:
    """A running container, as the program in it sees it."""

    def __init__(
        self, lab: LabContext, node: Node, pod: Object, name: str, pod_ip: str, interfaces: Sequence[Interface] = ()
    ) -> None:
        self.lab, self.node, self.name, self.pod_ip = lab, node, name, pod_ip
        self._interfaces = interfaces
        self.pod = pod
        """The Pod object; the kubelet replaces it with the newest version it has seen."""
        self.stopping = asyncio.Event()
        """SIGTERM: the program should end; after the grace period it is cancelled (SIGKILL)."""
        self.exec: Exec | None = None
        """A program may set this to answer `exec` itself; otherwise the lab's table of modelled commands does."""
        self.logs = Log()
        self.pid = node.next_pid()
        """Of its first process, as the node numbers it; further processes have the numbers that follow."""
        self.ready = False
        self.on_ready: Callable[[], None] = lambda: None
        self.on_kill: Callable[[], None] = lambda: None

    def report_ready(self, ready: bool = True) -> None:
        """Say whether the program serves. Its program must say so where the container's spec has a readinessProbe:
        the lab's kubelet asks nobody. A container without one is ready from its start."""
        self.ready = ready
        self.on_ready()

    def kill(self, signal: Signal) -> None:
        """Send a signal to the program, as `kill` in the container would."""
        if signal is Signal.TERM:
            self.stopping.set()
        else:
            self.on_kill()

    @property
    def spec(self) -> Object:
        """This container's part of the pod's spec."""
        containers = [*self.pod["spec"]["containers"], *self.pod["spec"].get("initContainers", [])]
        found: Object = next(spec for spec in containers if spec["name"] == self.name)
        return found

    @property
    def argv(self) -> list[str]:
        return [*self.spec.get("command", []), *self.spec.get("args", [])]

    @property
    def env(self) -> dict[str, str]:
        return {item["name"]: item["value"] for item in self.spec.get("env", []) if "value" in item}

    @property
    def namespace(self) -> str:
        namespace: str = self.pod["metadata"]["namespace"]
        return namespace

    @property
    def pod_name(self) -> str:
        name: str = self.pod["metadata"]["name"]
        return name

    @cached_property
    def network(self) -> PodNetwork:
        """The pod's network; one that no kubelet has made has the cluster's own."""
        alone = (Interface(WORKLOAD, self.node.cards[WORKLOAD], self.pod_ip, self.pod_ip),)
        return PodNetwork(self.lab, self._interfaces or alone)

    def kube(self, component: str) -> Kube:
        """A client with the rights of the pod's ServiceAccount; enter it as an async context manager."""
        account = self.pod["spec"].get("serviceAccountName", "default")
        return self.lab.service_account(component, self.namespace, account, self.node.name)

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """A server's TLS context for the pod's address and for every Service of its namespace."""
        return self.lab.authority.server_tls(self.pod_ip, f"*.{self.namespace}.svc", "localhost")

    def log(self, text: str) -> None:
        """Write to the container's log, as a program does by printing."""
        self.logs.write(text)


programs: dict[str, Program] = {}
"""Programs by the last part of the image's repository: `quay.io/kubevirt/virt-api@sha256:…` runs `virt-api`.

A program that is put into foreign images is found by its command: `/usr/bin/container-disk` runs `container-disk`.
"""


def program_for(container: Container) -> Program | None:
    """What the container runs; None for an image and a command that the lab does not know."""
    by_command = programs.get(container.argv[0].rsplit("/", 1)[-1]) if container.argv else None
    return by_command or programs.get(repository(container.spec["image"]).rsplit("/", 1)[-1])


def repository(image: str) -> str:
    """The image's name without tag and digest."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}"
