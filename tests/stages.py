"""A place on a running lab for tests of handles and factories: what the plugin gives a test of the suites."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from seatrial.fixtures import Api, Cluster, Facts, History, Stage
from seatrial.fixtures.guestdata import guest_secret
from seatrial.fixtures.kinds import NAMESPACE, SECRET
from seatrial.fixtures.recorder import Recorder
from seatrial.fixtures.settings import GUEST_IMAGE
from seatrial.fixtures.vmspec import tutorial_template

SCALE = 0.2


@contextmanager
def stage_in(api: Api, namespace: str, facts: Facts | None = None, scale: float = SCALE) -> Iterator[Stage]:
    """A stage in a new namespace, which is deleted afterwards."""
    api.create(NAMESPACE, {"metadata": {"name": namespace}})
    history = History(scale=scale)
    recorder = Recorder(api, history, namespace)
    history.follow = recorder.follow
    recorder.start()
    stage = Stage(Cluster(api), namespace, {}, history, tutorial_template(GUEST_IMAGE), facts=facts or Facts.private())
    stage.create(SECRET, guest_secret({}))
    try:
        yield stage
    finally:
        recorder.stop()
        api.delete(NAMESPACE, namespace)
