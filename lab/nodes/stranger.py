"""The program of an image the lab knows nothing about: its command where that is modelled, else nothing, patiently."""

from __future__ import annotations

import asyncio

from ..kube import cancel
from .commands import is_modelled, modelled
from .runtime import Container


async def stranger(container: Container) -> int:
    container.report_ready()
    if not is_modelled(container.argv):
        await container.stopping.wait()
        return 0
    running = asyncio.create_task(modelled(container, container.argv, b""))
    stopping = asyncio.create_task(container.stopping.wait())
    try:
        await asyncio.wait([running, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await cancel(stopping, *([] if running.done() else [running]))
    if running.cancelled():
        return 0
    code, output, errors = running.result()
    container.log(output + errors)
    return code
