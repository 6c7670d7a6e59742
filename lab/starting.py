"""Waiting until a lab that has been started is ready, and not a moment longer than there is hope.

What breaks for good while a lab starts is told at once: else its starter would wait for the time limit, and be told of
nothing but that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp

from . import kinds
from .kube import ApiError, Kind, Kube, Object, cancel

READY_LIMIT = 60.0
PASSING = (ApiError, aiohttp.ClientError, TimeoutError, ConnectionError)
"""Errors of parts that find others not there yet; they try again."""


class LabError(Exception):
    """The lab could not be started."""


async def deployed(admin: Kube, parts: list[asyncio.Task[None]]) -> None:
    """Wait for the KubeVirt CR to say Deployed. Raises LabError when a part has ended, or logs an error that stays."""
    with _first_error() as broken:
        waiting = asyncio.create_task(_until_deployed(admin))
        awaited: list[asyncio.Future[Any]] = [waiting, broken, *parts]
        done, _ = await asyncio.wait(awaited, timeout=READY_LIMIT, return_when=asyncio.FIRST_COMPLETED)
        if waiting in done:
            return waiting.result()
        await cancel(waiting)
        if broken in done:
            raise LabError(f"a part broke while the lab was starting: {broken.result()}")
    for task in parts:
        if task in done:
            error = _innermost(task.exception())
            raise LabError(f"{task.get_name()} ended while the lab was starting: {error!r}") from error
    raise LabError(f"KubeVirt was not deployed within {READY_LIMIT:.0f} s")


class _Listener(logging.Handler):
    """Hears of the first error that no trying again will mend."""

    def __init__(self, first: asyncio.Future[str]) -> None:
        super().__init__(logging.ERROR)
        self._first = first

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or isinstance(_innermost(error), PASSING) or self._first.done():
            return
        what, why = record.getMessage(), repr(_innermost(error))
        self._first.set_result(what if what.endswith(why) else f"{what}: {why}")


@contextmanager
def _first_error() -> Iterator[asyncio.Future[str]]:
    """What the lab's own parts log as an error; not yet done while there is none."""
    first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    listener, log = _Listener(first), logging.getLogger(__package__)
    log.addHandler(listener)
    try:
        yield first
    finally:
        log.removeHandler(listener)


def _innermost(error: BaseException | None) -> BaseException | None:
    """The first error of the groups that task groups wrap around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _until_deployed(admin: Kube) -> None:
    """The CR's kind is served only once the operator has created its definition, so that is watched for first."""
    definition = kinds.CUSTOM_RESOURCE_DEFINITION
    await _seen(admin, definition, "kubevirts.kubevirt.io", lambda crd: bool(crd.get("status", {}).get("conditions")))
    await _seen(admin, kinds.KUBEVIRT, "kubevirt", lambda cr: cr.get("status", {}).get("phase") == "Deployed")


async def _seen(admin: Kube, kind: Kind, name: str, holds: Callable[[Object], bool]) -> None:
    page = await admin.list(kind, fields=f"metadata.name={name}")
    if any(holds(item) for item in page.items):
        return
    async for event in admin.watch(kind, page.resource_version, fields=f"metadata.name={name}"):
        if event.type != "BOOKMARK" and holds(event.object):
            return
