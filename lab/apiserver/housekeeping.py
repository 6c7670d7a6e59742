"""What a server forgets in time, so that a lab that runs for days does not grow for days: histories, and old events."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from ..clock import timestamp
from .core import Core
from .store import Store

EVENTS = ("", "events")
EVENTS_LAST = timedelta(hours=1)
"""kube-apiserver's --event-ttl."""
PERIOD = 20.0


async def keep_house(core: Core) -> None:
    """Do it every now and then, until cancelled."""
    while True:
        await asyncio.sleep(PERIOD)
        core.store.forget()
        expire_events(core.store, datetime.now(UTC))


def expire_events(store: Store, now: datetime) -> None:
    """Delete events that nobody has counted up for an hour."""
    oldest = timestamp(now - EVENTS_LAST)
    for key, stored in list(store.collection(EVENTS).items.items()):
        if (stored.obj.get("lastTimestamp") or stored.obj["metadata"]["creationTimestamp"]) < oldest:
            store.remove(EVENTS, key)
