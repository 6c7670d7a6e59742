"""The load process: what it writes down, whom it sends where, and that it ends with whoever started it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seatrial.fixtures import Finding, History
from seatrial.fixtures.route import Route
from seatrial.load.plan import USERS_PER_PROCESS, Curve, Plan, steady
from seatrial.load.samples import POLL, VISIT, WRITE, Sample, losses_by_kind
from seatrial.load.traffic import Load
from tests.load.guests import ForgetfulGuest, FullGuest, PlainGuest, serving

LOCUSTFILE = Path(__file__).parents[2] / "load" / "locustfile.py"
LOCUST = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE)]


@contextmanager
def load_on(*ports: int, curve: Curve | None = None) -> Iterator[Load]:
    routes = tuple(Route("127.0.0.1", port) for port in ports)
    load = Load(History(), Plan(routes, curve or steady(6), 0.05))
    try:
        yield load
    finally:
        load.stop()


def kinds(samples: list[Sample]) -> set[str]:
    return {sample.kind for sample in samples}


def test_readers_writers_and_pollers_are_served() -> None:
    with serving(FullGuest) as port, load_on(port) as load:
        load.wait_served(100)
    assert kinds(load.samples) == {VISIT, WRITE, POLL}
    assert losses_by_kind(load.samples) == "none"
    assert max(count for _, count in load.users) == 6
    assert all(0 <= sample.sent <= sample.ended for sample in load.samples)


def test_a_guest_that_only_greets_is_only_read() -> None:
    with serving(PlainGuest) as port, load_on(port) as load:
        load.wait_served(30)
    assert kinds(load.samples) == {VISIT}


def test_a_wrong_sum_is_a_loss() -> None:
    with serving(ForgetfulGuest) as port, load_on(port) as load:
        load.wait_served(60)
    assert {sample.outcome for sample in load.samples if sample.kind == WRITE} == {"wrong sum"}


def test_workers_share_the_users_and_visit_every_guest() -> None:
    many = 2 * USERS_PER_PROCESS
    with serving(FullGuest) as one, serving(FullGuest) as other, load_on(one, other, curve=steady(many)) as load:
        load.wait_users(many)
        load.wait_served(100)
    assert {sample.target for sample in load.samples if sample.kind == VISIT} == {0, 1}
    assert losses_by_kind(load.samples) == "none"


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seatrial.load.traffic.SECONDS_TO_ANSWER", 0.5)
    with serving(PlainGuest) as port:
        pass
    with load_on(port) as load:
        load.wait_users(1)
        with pytest.raises(Finding, match="GET / refused"):
            load.wait_served(1)


def test_a_load_that_breaks_down_is_no_finding(capfd: pytest.CaptureFixture[str]) -> None:
    """A locust that cannot start must not look like a guest that does not answer."""
    with load_on() as load, pytest.raises(RuntimeError, match="the load process ended with 1"):
        load.wait_served(1)
    assert "IndexError" in capfd.readouterr().err


def test_it_ends_when_its_starter_is_gone() -> None:
    with serving(FullGuest) as port:
        plan = Plan((Route("127.0.0.1", port),), steady(2 * USERS_PER_PROCESS), 0.05)
        command = [sys.executable, "-m", "seatrial.load.locustfile"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(plan.written() + b"\n")
            process.stdin.flush()
            process.stdout.readline()
            process.stdin.close()
            assert process.wait(timeout=30) == 0


def test_it_is_a_locustfile(tmp_path: Path) -> None:
    with serving(FullGuest) as port:
        options = [
            "--host",
            f"http://127.0.0.1:{port}",
            "--headless",
            "--shape",
            "ramp",
            "-u",
            "6",
            "-t",
            "1s",
            "--json",
        ]
        done = subprocess.run([*LOCUST, *options], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"name": "GET /"' in done.stdout


def test_locusts_own_master_and_workers_run_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port_of_master = str(free.getsockname()[1])
    with serving(FullGuest) as port:
        host = ["--host", f"http://127.0.0.1:{port}"]
        worker = [*LOCUST, "--worker", "--master-port", port_of_master, *host]
        workers = [
            subprocess.Popen(worker, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in "12"
        ]
        master = [*LOCUST, "--master", "--headless", "--expect-workers", "2", "--master-bind-host", "127.0.0.1"]
        master += ["--master-bind-port", port_of_master, *host, "-u", "6", "-t", "1s", "--json"]
        done = subprocess.run(master, capture_output=True, text=True, check=False, cwd=tmp_path)
        ended = [process.wait(timeout=60) for process in workers]
    assert (done.returncode, ended) == (0, [0, 0]), done.stderr
    assert '"name": "GET /"' in done.stdout
