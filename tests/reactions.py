"""Somebody on a cluster who reacts to what he sees: an operator that reconciles, a template for new namespaces."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from seatrial.fixtures import Api, Refused
from seatrial.fixtures.kinds import Kind, Object


@contextmanager
def reacting(api: Api, kind: Kind, react: Callable[[Api, Object], None]) -> Iterator[None]:
    """Call `react` for each version of each object of a kind from now on, until the block ends; it may be refused."""
    version = api.page(kind).resource_version
    watch = api.watch(kind, version)

    def run() -> None:
        for type, obj in watch:
            if type in ("ADDED", "MODIFIED"):
                try:
                    react(api, obj)
                except Refused:
                    continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        watch.close()
        thread.join()
