"""Load on guests for as long as a `with` block runs, made by a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

import orjson

from seatrial.fixtures import Finding, History, Service, not_exercised, note
from seatrial.fixtures.kinds import MIGRATION
from seatrial.fixtures.renewal import Renewal
from seatrial.fixtures.transport import Transport

from .plan import Curve, Plan, steady
from .samples import Sample, losses_by_kind

USERS = 6
PAUSE = 0.1
SECONDS_TO_START = 60.0
"""Locust takes a second or two to start; this limit is on the machine and not on the cluster."""
SECONDS_TO_END = 60.0
SECONDS_TO_ANSWER = 30.0
"""No waiting limit of an ordinary cluster, which the time scale would stretch, but how long a measurement may take."""


UNKNOWN, THROTTLED = "http 401", "http 429"


class Load:
    """A running load, and afterwards what it saw; times by the test's history clock."""

    def __init__(
        self,
        history: History,
        plan: Plan,
        transport: Transport | None = None,
        check_silence: Callable[[str], None] | None = None,
    ) -> None:
        """`transport` is whose credentials the routes have; `check_silence` is told of users who all get nothing."""
        self._history = history
        self._routes, self._check_silence = plan.routes, check_silence
        self._samples: list[Sample] = []
        self._changed = threading.Condition()
        self._over = False
        self.users: list[tuple[float, int]] = []
        """How many users there were, and when."""
        self.turned_away = 0
        """Requests that the API server did not pass on, which say nothing about a guest."""
        self._renewal: Renewal | None = None
        # In a session of its own, so that a Ctrl-C ends it by way of the test and not in the middle of a request.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "seatrial.load.locustfile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._send(plan.written())
        if transport:
            self._renewal = Renewal(transport, plan.routes[0], lambda route: self._send(orjson.dumps(asdict(route))))
        self._reader = threading.Thread(target=self._read, name="load", daemon=True)
        self._reader.start()

    @property
    def samples(self) -> list[Sample]:
        """The requests that have ended so far."""
        with self._changed:
            return list(self._samples)

    def wait_served(self, count: int, after: float = 0.0) -> None:
        """Wait until so many requests have been answered that were sent later than `after` seconds from now.

        Skips the test where they are not before anything has migrated: the guests or the way to them are too slow.
        """
        since = self._history.elapsed() + after
        limit = after + SECONDS_TO_ANSWER
        told = f"{count} requests answered within {limit:g} s"

        def served() -> bool:
            return sum(not sample.lost and sample.sent >= since for sample in self._samples) >= count

        if self._wait(served, limit):
            return
        lost = f"lost: {losses_by_kind(self.samples)}"
        if self._check_silence and all(sample.lost for sample in self.samples):
            self._check_silence(f"users are answered by nobody: {losses_by_kind(self.samples)}")
        if not self._history.versions(MIGRATION.kind):
            not_exercised(f"before anything migrated there were not {told}; {lost}")
        raise Finding("the guest under load", told, lost, timed=True)

    def wait_users(self, count: int) -> None:
        """Wait until there are at least so many users."""
        if not self._wait(lambda: bool(self.users) and self.users[-1][1] >= count, SECONDS_TO_START):
            raise RuntimeError(f"Locust did not bring {count} users within {SECONDS_TO_START:g} s")

    def stop(self) -> None:
        """Let the users finish what they are at, and end."""
        assert self._process.stdin
        assert self._process.stdout
        if self._renewal:
            self._renewal.stop()
        with suppress(BrokenPipeError):
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
                self._samples += [self._sample(*row) for row in said["requests"] if not self._not_passed_on(row)]
                self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def _not_passed_on(self, row: list[Any]) -> bool:
        """Whether the API server itself gave the answer, to somebody whom it does not know or who asks too much."""
        outcome = row[-1]
        if self._routes[row[1]].direct or outcome not in (UNKNOWN, THROTTLED):
            return False
        self.turned_away += 1
        if outcome == UNKNOWN and self._renewal:
            self._renewal.refused()
        return True

    def _send(self, line: bytes) -> None:
        """Credentials go by a pipe, where nobody can read them, never by the command line."""
        assert self._process.stdin
        with suppress(BrokenPipeError, ValueError):  # it has ended, which is told elsewhere
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()

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

        def check_silence(why: str) -> None:
            for service in services:
                service.wait_answering()
            services[0].check_silence(why)

        plan = Plan(tuple(service.route() for service in services), curve or steady(USERS), pause)
        transport = next(filter(None, (service.transport for service in services)), None)
        load = Load(self._history, plan, transport, check_silence)
        try:
            load.wait_users(1)
            yield load
        finally:
            load.stop()
            if load.turned_away:
                note(f"{load.turned_away} requests were turned away by the API server (401, 429) and are not counted")
