"""Our own experiments of the Chaos Toolkit against the lab: they come to their end, and their rollbacks always run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from chaoslib.experiment import ensure_experiment_is_valid, run_experiment

from tests import tutorial
from tests.kubectl import Kubectl
from tests.lab.clients.official import LEAKY

TARGET_LOST = Path(__file__).parents[3] / "chaos" / "experiments" / "target-lost.json"

pytestmark = LEAKY


@pytest.fixture
def experiment(lab: Path, kubectl: Kubectl, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The experiment, and a VM for it that runs."""
    monkeypatch.setenv("KUBECONFIG", str(lab))
    monkeypatch.setenv("NAMESPACE", kubectl.namespace)
    tutorial.start_vm(kubectl)
    loaded: dict[str, Any] = json.loads(TARGET_LOST.read_text())
    return loaded


def test_a_guest_outlives_its_target(experiment: dict[str, Any]) -> None:
    ensure_experiment_is_valid(experiment)
    journal = run_experiment(experiment)
    assert (journal["status"], journal["deviated"]) == ("completed", False)
    struck = journal["run"][0]["output"]
    assert struck["moment"] == "TargetReady"
    assert struck["hit"].startswith("pod virt-launcher-testvm-")
    assert [done["output"] for done in journal["rollbacks"]] == [[struck["migration"]]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"fault": "handler-killed"}, r"it needs .*control-plane"),
        ({"fault": "earthquake"}, "there is no fault earthquake"),
        ({"side": "both"}, "hits source or target, not both"),
    ],
)
def test_what_cannot_be_done_is_said_and_rolled_back(
    experiment: dict[str, Any], kubectl: Kubectl, wrong: dict[str, str], said: str
) -> None:
    experiment["method"][0]["provider"]["arguments"].update(wrong)
    journal = run_experiment(experiment)
    assert (journal["status"], journal["run"][0]["status"]) == ("completed", "failed")
    assert re.search(said, journal["run"][0]["exception"][-1])
    assert journal["rollbacks"][0]["status"] == "succeeded"
    assert kubectl("get", "virtualmachineinstancemigrations", "-o", "name") == ""
