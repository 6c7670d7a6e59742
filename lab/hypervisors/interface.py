"""What a node asks of a hypervisor: run a guest, move it, tell how the move goes.

virt-launcher knows guests only through this interface, so that a modelled machine and a real QEMU are interchangeable.
A migration travels over byte streams that virt-handler opens, as on a cluster, where only virt-handlers talk to one
another between nodes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from .offer import Offer
from .stream import Bare, Connect, Stream, Wire

DIRECT_PORT = 49152
"""The well-known port that a guest's memory travels by; 0 is libvirt's own socket and 49153 the disks'."""


class HypervisorError(Exception):
    """What libvirt reports: error code, the part of libvirt that raises it, and its message."""

    def __init__(self, message: str, code: int = 1, domain: int = 10) -> None:
        super().__init__(f"virError(Code={code}, Domain={domain}, Message='{message}')")


class Aborted(HypervisorError):
    """A migration ended because its abort was asked for."""


class State(Enum):
    """What a domain does."""

    ABSENT = "absent"
    """Not defined yet: the target of a migration, before the source has connected."""
    RUNNING = "running"
    PAUSED = "paused"
    SHUTOFF = "shutoff"


class Cause(Enum):
    """Why a domain does it."""

    NONE = ""
    BOOTED = "booted"
    USER = "paused by user"
    MONITOR = "paused by the migration monitor"
    INCOMING = "waiting for its memory"
    MIGRATED = "migrated"
    SHUTDOWN = "shut down by its guest"
    DESTROYED = "destroyed"
    CRASHED = "crashed"
    POST_COPY = "gone ahead of its memory"
    POST_COPY_FAILED = "lost the rest of its memory"


class Sent(Enum):
    """A signal to the process that a domain is."""

    STOP = 19
    CONTINUE = 18
    KILL = 9


@dataclass(frozen=True)
class Status:
    """A domain's state with its cause."""

    state: State
    cause: Cause = Cause.NONE

    @property
    def alive(self) -> bool:
        return self.state in (State.RUNNING, State.PAUSED)


@dataclass(frozen=True)
class DomainSpec:
    """A virtual machine, as its node has to build it. `address` is the pod's, which is the guest's to the outside."""

    uid: str
    name: str
    namespace: str
    memory: int
    """Bytes."""
    address: str
    offer: Offer = Offer.ALL
    wire: Wire = field(default_factory=Bare)
    """The pod's interface, by which the guest answers."""


class Compression(Enum):
    """What is done to pages before they are sent over parallel connections."""

    NONE = "none"
    ZSTD = "zstd"


@dataclass(frozen=True)
class MigrationOptions:
    """How to move a domain. `bandwidth` is in bytes a second, 0 for no limit."""

    bandwidth: int = 0
    auto_converge: bool = False
    post_copy: bool = False
    """Allows `start_post_copy` later; it never starts by itself."""
    non_shared_storage: bool = False
    disks: int = 0
    """Bytes of disks that are copied along."""
    connections: int = 1
    """Parallel connections (multifd). A limit far below the link's speed is not held by several of them."""
    downtime: float = 0.3
    """The longest pause, in seconds, that the switch-over may be estimated to take."""
    compression: Compression = Compression.NONE
    """Has an effect only on parallel connections."""


@dataclass(frozen=True)
class JobStats:
    """How far a migration is, in bytes, bytes a second and seconds."""

    elapsed: float
    total: int
    processed: int
    remaining: int
    dirty_rate: int
    bandwidth: int
    iteration: int
    throttle: float = 0.0
    """The share of its time that the guest is held back, to dirty less."""
    post_copy: bool = False
    downtime_limit: float = 0.3
    """The longest pause that is permitted, as last set."""
    downtime: float = 0.0
    """The pause that the switch-over is expected to take if it began now; once the guest has been stopped, what it
    really took so far."""
    page_faults: int = 0
    """Pages that the guest on the target had to ask for, in post-copy."""
    zero_bytes: int = 0
    """Memory that was found to be zero, and so cost next to nothing to send."""


class Domain(Protocol):
    """One virtual machine on one node. Everything that can be refused raises HypervisorError."""

    spec: DomainSpec

    @property
    def status(self) -> Status: ...

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the status has changed."""

    async def start(self) -> None:
        """Boot; returns when the guest runs."""

    async def suspend(self, cause: Cause) -> None:
        """Stop the guest's processors."""

    async def resume(self) -> None: ...

    async def shutdown(self) -> None:
        """Ask the guest to shut down; it does so later, or never."""

    async def destroy(self) -> None:
        """Cut the power."""

    async def reset(self) -> None:
        """Press the reset button: the guest boots anew."""

    async def migrate(self, connect: Connect, options: MigrationOptions) -> None:
        """Move to the node that `connect` leads to; returns when the guest runs there.

        Whatever goes wrong before the guest has left raises, and the guest goes on here. Raises Aborted after
        `abort_job`.
        """

    async def accept(self, stream: Stream) -> None:
        """Receive, as the target, what another domain's `migrate` sends; returns when the stream has ended."""

    def job(self) -> JobStats | None:
        """How the running migration goes; None when there is none."""

    def completed_job(self) -> JobStats | None:
        """How the last migration from here went, whichever way it ended; None before there has been one."""

    def dirty_rate(self) -> int:
        """Bytes that the guest rewrites in a second, migrating or not; 0 while it does not run."""

    async def abort_job(self) -> None: ...

    async def start_post_copy(self) -> None: ...

    def set_bandwidth(self, bandwidth: int) -> None:
        """Change the limit of the running migration, in bytes a second; 0 for no limit."""

    def set_downtime(self, seconds: float) -> None:
        """Change the longest pause that the running migration may make."""

    def signal(self, sent: Sent) -> None:
        """The process that the domain is gets a signal. Between SIGSTOP and SIGCONT it takes nothing in; by SIGKILL
        the guest has crashed."""

    async def console(self, streams: Console) -> None:
        """Attach to the serial console until either side ends."""


@dataclass(frozen=True)
class Console:
    """The two directions of a serial console: `receive` answers b"" at the end."""

    receive: Callable[[], Awaitable[bytes]]
    send: Callable[[bytes], Awaitable[None]]


class Hypervisor(Protocol):
    """What makes domains on one node."""

    def define(self, spec: DomainSpec) -> Domain:
        """A domain to be started here."""

    def expect(self, spec: DomainSpec) -> Domain:
        """A domain that arrives by migration; absent until its source has connected."""
