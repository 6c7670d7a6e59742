"""`python -m seatrial.lab`: one lab, until its standard input closes or it is told to stop.

Whoever starts it holds the other end of its standard input, so that the lab ends with its starter however that ends.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import sys
from asyncio import sslproto
from pathlib import Path

from .cluster import LabConfig, running_lab
from .defects import CATALOGUE, Defects, UnknownDefect
from .network import NetworkError
from .pace import Pace
from .release import DEFAULT_VERSION, UnknownRelease, release_of
from .starting import LabError

USAGE_ERROR = 2
MIB = 1 << 20


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m seatrial.lab", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, help="where to write the lab's kubeconfig")
    parser.add_argument("--kubevirt-version", default=DEFAULT_VERSION, help="the KubeVirt to play (%(default)s)")
    parser.add_argument("--nodes", type=int, default=3, help="number of bare-metal workers (%(default)s)")
    parser.add_argument("--network-speed", type=float, metavar="MIB", help="MiB a second of a network card (1024)")
    parser.add_argument("--defect", action="append", default=[], help="switch on a defect; repeatable")
    parser.add_argument("--list-defects", action="store_true", help="list the defects and end")
    parser.add_argument("--log-level", default="error", help=argparse.SUPPRESS)
    return parser.parse_args()


def _list_defects() -> None:
    width = max(len(defect.name) for defect in CATALOGUE)
    for defect in CATALOGUE:
        concerns = ", ".join(defect.breaks) or f"bars {', '.join(defect.bars)}"
        print(f"{defect.name:{width}}  {concerns}: {defect.summary}")


async def _run(config: LabConfig, kubeconfig: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    _watch_stdin(loop, stop)
    async with running_lab(config, kubeconfig):
        print(f"ready {kubeconfig}", flush=True)
        await stop.wait()


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """End with whoever holds the other end; a terminal or /dev/null holds nothing and is left alone."""

    def readable() -> None:
        if not os.read(sys.stdin.fileno(), 4096):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    try:
        loop.add_reader(sys.stdin.fileno(), readable)
    except (PermissionError, ValueError, OSError):
        logging.getLogger(__name__).debug("standard input cannot be watched; end the lab by a signal")


def _collect_garbage_rarely() -> None:
    """A lab holds many small objects that live long: looking through them again and again costs a fifth of its time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _keep_buffers_small() -> None:
    """asyncio reserves 256 KiB for each TLS connection, and a lab holds both ends of some hundreds."""
    sslproto.SSLProtocol.max_size = 2**14


def main() -> int:
    arguments = _arguments()
    if arguments.list_defects:
        _list_defects()
        return 0
    logging.basicConfig(level=arguments.log_level.upper(), format="%(asctime)s %(name)s %(message)s")
    _collect_garbage_rarely()
    _keep_buffers_small()
    try:
        if arguments.kubeconfig is None:
            raise LabError("say where to write the kubeconfig: --kubeconfig FILE")
        config = LabConfig(
            release=release_of(arguments.kubevirt_version),
            workers=arguments.nodes,
            defects=Defects.of(arguments.defect),
            pace=Pace(network=arguments.network_speed * MIB) if arguments.network_speed else Pace(),
        )
        asyncio.run(_run(config, arguments.kubeconfig))
    except (LabError, UnknownRelease, UnknownDefect, NetworkError, OSError) as error:
        print(f"seatrial lab: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
