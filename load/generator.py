"""The load process: reads a plan, runs Locust without its web page, and writes down every request.

The plan is the first line of standard input, further ones bring new credentials for the way through the API server, and
when it closes the users finish and the process ends. On standard output comes a line of JSON for each tenth of a
second: the time (CLOCK_MONOTONIC, which all processes of a machine share), the number of users, and the requests that
have ended since, one as [kind, target, sent, ended, outcome].
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import gevent
import gevent.socket
import orjson
from locust import User, runners
from locust.env import Environment
from locust.runners import MasterRunner, Runner, WorkerRunner

from seatrial.fixtures.route import Route

from .offers import users_for
from .outcomes import outcome_of
from .plan import Plan
from .shapes import CurveShape
from .users import PATIENCE, GuestUser, Poller, Visitor, Writer

SECONDS_BETWEEN_LINES = 0.1
SECONDS_BETWEEN_REPORTS = 0.3
"""How often workers report to the master; Locust's own 3 s would let a test wait for news that is there."""
SECONDS_TO_CONNECT = 30.0
LOOPBACK = "127.0.0.1"
WORKER = "--worker"
Row = tuple[str, int, float, float, str]


class Recorder:
    """The requests that have ended and are not told yet, also those that workers report."""

    def __init__(self, environment: Environment) -> None:
        self._rows: list[Row] = []
        environment.events.request.add_listener(self._ended)
        environment.events.report_to_master.add_listener(self._report)
        environment.events.worker_report.add_listener(self._reported)

    def take(self) -> list[Row]:
        rows, self._rows = self._rows, []
        return rows

    def _ended(self, *, name: str, response_time: float, exception: Any, context: Any, response: Any, **_: Any) -> None:
        now = time.monotonic()
        outcome = outcome_of(exception, getattr(response, "status_code", 0))
        self._rows.append((name, context["target"], now - response_time / 1000, now, outcome))

    def _report(self, client_id: str, data: dict[str, Any]) -> None:
        data["rows"] = self.take()

    def _reported(self, client_id: str, data: dict[str, Any]) -> None:
        self._rows += data["rows"]


def main(arguments: list[str]) -> int:
    """Generate load, as worker of the master at a port or as the process that was asked."""
    runners.WORKER_REPORT_INTERVAL = SECONDS_BETWEEN_REPORTS
    line = next(given := _lines(), b"")
    if not line:
        return 0
    plan = Plan.read(line)
    if arguments[:1] == [WORKER]:
        _work(plan, int(arguments[1]), given)
    else:
        names = [user.__name__ for user in users_for(plan.routes[0])]
        _lead(replace(plan, users=tuple(names)), given)
    return 0


def _lines() -> Iterator[bytes]:
    """The lines of standard input; while none comes all else here goes on."""
    rest = b""
    while True:
        gevent.socket.wait_read(sys.stdin.fileno())
        if not (data := os.read(sys.stdin.fileno(), 65536)):
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from lines


def _environment(plan: Plan) -> Environment:
    GuestUser.routes, GuestUser.pause, GuestUser.processes = plan.routes, plan.pause, max(plan.workers, 1)
    users: list[type[User]] = [known for known in (Visitor, Writer, Poller) if known.__name__ in plan.users]
    return Environment(user_classes=users, shape_class=CurveShape(plan.curve), stop_timeout=PATIENCE + 1)


def _lead(plan: Plan, given: Iterator[bytes]) -> None:
    """Run the plan here, or as master of workers, until standard input closes."""
    environment = _environment(plan)
    recorder = Recorder(environment)
    workers: list[subprocess.Popen[bytes]] = []
    with _runner(environment, plan, workers) as runner:
        runner.start_shape()
        telling = gevent.spawn(_tell, runner, recorder)
        for line in given:
            _renew(line)
            for worker in workers:
                _hand(worker, line)
        runner.stop()
        telling.kill()
        _say(runner, recorder)


def _renew(line: bytes) -> None:
    GuestUser.renew(Route(**orjson.loads(line)))


def _hand(worker: subprocess.Popen[bytes], line: bytes) -> None:
    """Credentials go by a pipe, never by the command line. A worker that has ended is told of elsewhere."""
    assert worker.stdin
    with suppress(BrokenPipeError):
        worker.stdin.write(line + b"\n")
        worker.stdin.flush()


@contextmanager
def _runner(environment: Environment, plan: Plan, workers: list[subprocess.Popen[bytes]]) -> Iterator[Runner]:
    """What runs the users; the processes that it starts for that are added to `workers`."""
    if not plan.workers:
        yield environment.create_local_runner()
        return
    master = environment.create_master_runner(LOOPBACK, 0)
    command = [sys.executable, "-m", "seatrial.load.locustfile", WORKER, str(master.server.port)]
    workers += [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr) for _ in range(plan.workers)]
    try:
        for worker in workers:
            _hand(worker, plan.written())
        _wait_for_workers(master, plan.workers)
        yield master
        master.quit()
    finally:
        for worker in workers:
            assert worker.stdin
            worker.stdin.close()
        for worker in workers:
            worker.wait()


def _wait_for_workers(master: MasterRunner, count: int) -> None:
    with gevent.Timeout(SECONDS_TO_CONNECT, TimeoutError(f"{count} Locust workers did not come")):
        while len(master.clients.ready) < count:
            gevent.sleep(SECONDS_BETWEEN_LINES)


def _work(plan: Plan, port: int, given: Iterator[bytes]) -> None:
    """Do what the master says until it says no more, or is gone."""

    def heed() -> None:
        for line in given:
            _renew(line)

    environment = _environment(plan)
    Recorder(environment)
    runner: WorkerRunner = environment.create_worker_runner(LOOPBACK, port)
    gevent.wait([gevent.spawn(heed), gevent.spawn(runner.greenlet.join)], count=1)


def _tell(runner: Runner, recorder: Recorder) -> None:
    while True:
        _say(runner, recorder)
        gevent.sleep(SECONDS_BETWEEN_LINES)


def _say(runner: Runner, recorder: Recorder) -> None:
    said = {"t": time.monotonic(), "users": runner.user_count, "requests": recorder.take()}
    sys.stdout.buffer.write(orjson.dumps(said) + b"\n")
    sys.stdout.buffer.flush()
