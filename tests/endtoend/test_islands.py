"""Certifying from a machine that reaches nothing but a proxy: all is measured by way of the API server."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from seatrial.fixtures.api import Api
from tests.endtoend.commands import ROOT, SEATRIAL, run
from tests.endtoend.leftovers import traces
from tests.front import island
from tests.front.proxy import QUOTED, running_proxy

INCONCLUSIVE = 3
NAME = "kubernetes.default.svc"
"""A name that the lab's certificate has, and that no name server here knows."""
TESTS = "service_answers_again or lost_at_the_switch_over or clocks_go_on"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def records(folder: Path, type: str) -> list[dict[str, Any]]:
    lines = (folder / "report" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["type"] == type]


def named(kubeconfig: Path, path: Path, proxy_url: str) -> tuple[Path, str, int]:
    """The lab's kubeconfig with a proxy and a name that only the proxy knows; the address behind that."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster = config["clusters"][0]["cluster"]
    server = urlsplit(cluster["server"])
    assert server.hostname
    assert server.port
    cluster.update({"server": f"https://{NAME}:{server.port}", "proxy-url": proxy_url})
    path.write_text(yaml.safe_dump(config))
    return path, server.hostname, server.port


@pytest.mark.skipif(not island.possible(), reason="a network of one's own takes unprivileged user namespaces")
@pytest.mark.parametrize("scheme", ["http", "socks5"])
def test_certified_through_a_proxy(
    kubeconfig: Path, tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    inside = free_port()
    monkeypatch.setenv(island.PORT, str(inside))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    config, address, port = named(kubeconfig, tmp_path / "config", f"{scheme}://{QUOTED}@127.0.0.1:{inside}")
    certify = [*SEATRIAL, "certify", "--kubeconfig", config, "-n", "1", "--output", "report", "-k", TESTS]
    with running_proxy(scheme, {NAME: address}, login=True, socket=tmp_path / "proxy") as proxy:
        alone = [*island.ALONE, sys.executable, "-m", "tests.front.island", tmp_path / "proxy"]
        done = run([*alone, *certify], tmp_path)
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    told = {record["test"].rpartition("::")[2]: record for record in records(tmp_path, "test")}
    assert {record["outcome"] for record in told.values()} == {"passed"}, done.text
    assert len(told) == 3
    (note,) = (note for record in told.values() for note in record["notes"] if "the blackout was measured" in note)
    assert note.endswith("(api proxy)")
    assert set(proxy.asked) == {f"{NAME}:{port}"}
    assert proxy.refused == 0
    assert QUOTED.partition(":")[2] not in (tmp_path / "report" / "journal.jsonl").read_text()
    assert traces(api) == []


@pytest.mark.skipif(not island.possible(), reason="a network of one's own takes unprivileged user namespaces")
def test_no_way_at_all(kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same machine without the proxy in its kubeconfig: nothing is tried, and one sentence says why."""
    monkeypatch.setenv(island.PORT, str(free_port()))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with running_proxy(socket=tmp_path / "proxy") as proxy:
        alone = [*island.ALONE, sys.executable, "-m", "tests.front.island", tmp_path / "proxy"]
        done = run([*alone, *SEATRIAL, "certify", "--kubeconfig", kubeconfig], tmp_path)
    assert done.status == 2, done.text
    assert "cannot be reached" in done.err
    assert proxy.asked == []
