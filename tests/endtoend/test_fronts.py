"""Whole commands behind a front: portals, throttling, tokens that change or end, and one who ignores tokens."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.fixtures.api import Api
from tests.endtoend.commands import PYTEST, SEATRIAL, SUITE, Done, run
from tests.endtoend.leftovers import traces
from tests.front.front import (
    TOKEN,
    Front,
    Rule,
    away,
    login_redirect,
    other_json,
    portal,
    running_front,
    throttling,
)

USAGE, INCONCLUSIVE = 2, 3
MIGRATE = ("-k", "test_creating_a_migration_moves_the_vm or test_cancelling")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, kubeconfig: Path) -> Iterator[Front]:
    with running_front(tmp_path_factory.mktemp("front"), kubeconfig, "/k8s/clusters/c-m-x7") as front:
        yield front


@pytest.fixture
def front(running: Front) -> Iterator[Front]:
    yield running
    running.rules.clear()
    running.tokens, running.passes_on, running.ignores_tokens = {TOKEN}, False, False


def records(folder: Path, type: str) -> list[dict[str, Any]]:
    lines = (folder / "report" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["type"] == type]


def outcomes(folder: Path) -> dict[str, str]:
    return {record["test"].rpartition("::")[2]: record["outcome"] for record in records(folder, "test")}


def certify(folder: Path, config: Path, *options: object) -> Done:
    return run(certifying(config, *options), folder)


def certifying(config: Path, *options: object) -> list[object]:
    return [*SEATRIAL, "certify", "--kubeconfig", config, "--suite", "conformance", "--output", "report", *options]


COMMANDS: dict[str, list[object]] = {
    "certify": [*SEATRIAL, "certify"],
    "pytest": [*PYTEST, SUITE],
    "sweep": [*SEATRIAL, "sweep"],
}
PORTALS: dict[str, tuple[Rule, str]] = {
    "page": (portal, r"\(text/html\)"),
    "redirect": (login_redirect, r"\(302, a redirect to login\.example\.com\)"),
    "other JSON": (other_json, r"\(other JSON\)"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("answer", PORTALS)
def test_what_is_not_the_kubernetes_api(front: Front, tmp_path: Path, command: str, answer: str) -> None:
    rule, what = PORTALS[answer]
    front.rules.append(rule)
    config = front.kubeconfig(tmp_path / "config")
    done = run([*COMMANDS[command], "--kubeconfig", config], tmp_path)
    assert done.status == USAGE, done.text
    (line,) = done.err.strip().splitlines()
    said = f"{re.escape(front.url)} answers with something that is not the Kubernetes API {what}"
    assert re.search(said, line), line
    assert "Traceback" not in done.text
    assert "not-to-be-shown" not in done.text


def test_a_portal_in_mid_run_fails_nothing(front: Front, tmp_path: Path, api: Api) -> None:
    """A session that ends: from then on whatever is asked is answered with a page."""
    asked = 0

    def rule(request: Any) -> Any:
        nonlocal asked
        asked += request.method == "POST" and "virtualmachineinstancemigrations" in request.path
        return portal(request) if asked == 1 and "virtualmachineinstancemigrations" in request.path else None

    front.rules.append(rule)
    done = certify(tmp_path, front.kubeconfig(tmp_path / "config"), "-n", "1", "-k", "test_creating_a_migration_moves")
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    (test,) = records(tmp_path, "test")
    assert test["outcome"] == "skipped"
    assert "something that is not the Kubernetes API (text/html)" in test["reason"]
    assert traces(api) == []


@pytest.mark.parametrize("status", [False, True], ids=["text", "Status"])
def test_who_is_turned_away_waits(front: Front, tmp_path: Path, status: bool) -> None:
    front.rules += [
        throttling(1, method="POST", part="virtualmachineinstancemigrations", status=status),
        throttling(2, method="POST", part="/namespaces", status=status),
        throttling(2, method="GET", part="virtualmachineinstances", status=status),
        throttling(1, method="PUT", part="leases", status=status),
        throttling(1, method="PATCH", status=status),
        throttling(1, method="DELETE", status=status),
        away(2, method="GET", part="pods"),
    ]
    done = certify(tmp_path, front.kubeconfig(tmp_path / "config"), "-n", "1", *MIGRATE)
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    assert set(outcomes(tmp_path).values()) == {"passed"}, done.text
    (told,) = records(tmp_path, "surroundings")
    assert "requests away (429), which waited" in told["message"]
    assert told["condition"] is False
    assert "Surroundings (1):" in done.out


def at_the_first_migration(front: Front, act: Any) -> None:
    """Do something when the first migration is created."""
    happened = threading.Event()

    def rule(request: Any) -> Any:
        if request.method == "POST" and "virtualmachineinstancemigrations" in request.path and not happened.is_set():
            happened.set()
            act()

    front.rules.append(rule)


def test_a_token_that_is_rewritten_in_mid_run_costs_nothing(front: Front, tmp_path: Path, api: Api) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)

    def rewrite() -> None:
        token.write_text("the next one")
        front.tokens = {"the next one"}

    at_the_first_migration(front, rewrite)
    config = front.kubeconfig(tmp_path / "config", {"tokenFile": str(token)})
    done = certify(tmp_path, config, "-n", "2", *MIGRATE)
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    assert set(outcomes(tmp_path).values()) == {"passed"}, done.text
    assert traces(api) == []


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_token_that_ends_in_mid_run_ends_the_run(front: Front, tmp_path: Path, workers: str, api: Api) -> None:
    at_the_first_migration(front, front.tokens.clear)
    done = certify(tmp_path, front.kubeconfig(tmp_path / "config"), "-n", workers, "--profile", "smoke")
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    told = outcomes(tmp_path)
    assert set(told.values()) <= {"passed", "skipped"}, done.text
    assert len(told) < 10
    (problem,) = records(tmp_path, "problem")
    assert problem["message"] == f"The API server {front.url} no longer accepts these credentials (401 Unauthorized)."
    assert f"Verdict: INCONCLUSIVE\n{problem['message']}" in done.out
    assert "Findings" not in done.out
    assert "may be left; `seatrial sweep` undoes it" in " ".join(done.out.split())
    print(done.out)
    front.tokens = {TOKEN}
    assert run([*SEATRIAL, "sweep", "--all", "--kubeconfig", tmp_path / "config"], tmp_path).status == 0
    assert traces(api) == []


@pytest.mark.parametrize("how", ["refuses", "ignores"])
def test_a_front_that_takes_no_service_accounts_tokens(front: Front, tmp_path: Path, how: str) -> None:
    front.ignores_tokens = how == "ignores"
    done = certify(tmp_path, front.kubeconfig(tmp_path / "config"), "-n", "1", "-k", "test_permissions")
    assert (done.status, done.err) == (INCONCLUSIVE, ""), done.text
    told = outcomes(tmp_path)
    assert told == {
        "test_namespace_admin_may_migrate_as_the_version_has_it": "passed",
        "test_role_for_migration_grants_it": "passed",
        "test_refusal_is_real": "skipped",
    }
    (skipped,) = (record for record in records(tmp_path, "test") if record["outcome"] == "skipped")
    assert "ServiceAccount" in skipped["reason"]


def test_a_front_that_passes_tokens_on(front: Front, tmp_path: Path) -> None:
    front.passes_on = True
    done = certify(tmp_path, front.kubeconfig(tmp_path / "config"), "-n", "1", "-k", "test_permissions")
    assert set(outcomes(tmp_path).values()) == {"passed"}, done.text
