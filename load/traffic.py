"""Load on guests for as long as a `with` block runs, made by a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import orjson

from seatrial.fixtures import Finding, History, Service

from .plan import Curve, Plan, steady
from .samples import Sample, losses_by_kind

USERS = 6
PAUSE = 0.1
SECONDS_TO_START = 60.0
"""Locust takes a second or two to start; this limit is on the machine and not on the cluster."""
SECONDS_TO_END = 60.0
SECONDS_TO_ANSWER = 30.0
"""No waiting limit of an ordinary cluster, which the time scale would stretch, but how long a measurement may take."""


class Load:
    """A running load, and afterwards what it saw; times by the test's history clock."""

    def __init__(self, history: History, plan: Plan) -> None:
        self._history = history
        self._samples: list[Sample] = []
        self._changed = threading.Condition()
        self._over = False
        self.users: list[tuple[float, int]] = []
        """How many users there were, and when."""
        # In a session of its own, so that a Ctrl-C ends it by way of the test and not in the middle of a request.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "seatrial.load.locustfile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin
        self._process.stdin.write(plan.written() + b"\n")
        self._process.stdin.flush()
        self._reader = threading.Thread(target=self._read, name="load", daemon=True)
        self._reader.start()

    @property
    def samples(self) -> list[Sample]:
        """The requests that have ended so far."""
        with self._changed:
            return list(self._samples)

    def wait_served(self, count: int, after: float = 0.0) -> None:
        """Wait until so many requests have been answered that were sent later than `after` seconds from now."""
        since = self._history.elapsed() + after
        limit = after + SECONDS_TO_ANSWER
        told = f"{count} requests answered within {limit:g} s"

        def served() -> bool:
            return sum(not sample.lost and sample.sent >= since for sample in self._samples) >= count

        if not self._wait(served, limit):
            raise Finding("the guest under load", told, f"lost: {losses_by_kind(self.samples)}")

    def wait_users(self, count: int) -> None:
        """Wait until there are at least so many users."""
        if not self._wait(lambda: bool(self.users) and self.users[-1][1] >= count, SECONDS_TO_START):
            raise RuntimeError(f"Locust did not bring {count} users within {SECONDS_TO_START:g} s")

    def stop(self) -> None:
        """Let the users finish what they are at, and end."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        finally:
            self._reader.join()
            self._process.stdout.close()

    def _wait(self, reached: Callable[[], bool], limit: float) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._over or reached(), limit)
            if self._over and not reached():
                raise RuntimeError(f"the load process ended with {self._process.wait()}; what it said is on stderr")
            return reached()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            said = orjson.loads(line)
            with self._changed:
                self.users.append((self._history.seconds(said["t"]), said["users"]))
                self._samples += [self._sample(*row) for row in said["requests"]]
                self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _sample(self, kind: str, target: int, sent: float, ended: float, outcome: str) -> Sample:
        return Sample(kind, target, self._history.seconds(sent), self._history.seconds(ended), outcome)


class Traffic:
    """Factory of loads."""

    def __init__(self, history: History) -> None:
        self._history = history

    @contextmanager
    def on(self, *services: Service, curve: Curve | None = None, pause: float = PAUSE) -> Iterator[Load]:
        """Users who ask the guests behind these Services as long as the block runs; what they saw is complete after it.

        `curve` says how many, and `pause` how many seconds each waits between two requests.
        """
        for service in services:
            service.wait_answering()
        plan = Plan(tuple(service.route() for service in services), curve or steady(USERS), pause)
        load = Load(self._history, plan)
        try:
            load.wait_users(1)
            yield load
        finally:
            load.stop()
