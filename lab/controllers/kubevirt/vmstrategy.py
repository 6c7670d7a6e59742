"""What a VM's run strategy asks for: start, stop, or leave its VMI alone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from ...clock import parse_timestamp, timestamp
from ...kube import Object
from .objects import is_deleting, is_final, phase, phase_time, status, uid

START_BACKOFF = timedelta(seconds=10)
LONGEST_BACKOFF = timedelta(seconds=300)


class Step(Enum):
    """What to do with the VMI now."""

    NOTHING = "nothing"
    START = "start"
    STOP = "stop"
    STOP_AND_START = "stop and start"
    """Stop, and ask for a start, which the strategy would not give by itself."""


def run_strategy(vm: Object) -> str:
    """The VM's strategy, whichever of the two fields says so."""
    spec = vm["spec"]
    if "runStrategy" in spec:
        return str(spec["runStrategy"])
    return "Always" if spec.get("running") else "Halted"


def next_step(vm: Object, vmi: Object | None, now: datetime) -> Step:
    """What the VM needs, given its VMI (None when it has none)."""
    if is_deleting(vm):
        return Step.STOP if vmi and not is_deleting(vmi) else Step.NOTHING
    if vmi is None:
        return Step.START if _wants_start(vm) and now >= retry_time(vm, now) else Step.NOTHING
    if is_deleting(vmi):
        return Step.NOTHING
    return _with_vmi(vm, vmi)


def _wants_start(vm: Object) -> bool:
    strategy = run_strategy(vm)
    if strategy == "Always":
        return True
    if strategy == "Manual":
        return wants(vm, "Start")
    if strategy in ("RerunOnFailure", "Once"):
        return wants(vm, "Start") or status(vm).get("runStrategy") != strategy
    return False


def _with_vmi(vm: Object, vmi: Object) -> Step:
    strategy = run_strategy(vm)
    asked = _asks_to_stop(vm, vmi)
    if strategy == "Always":
        return Step.STOP if asked or is_final(vmi) else Step.NOTHING
    if strategy == "RerunOnFailure":
        if asked:
            return Step.STOP
        return Step.STOP_AND_START if phase(vmi) == "Failed" else Step.NOTHING
    if strategy == "Manual":
        return Step.STOP if asked or (is_final(vmi) and wants(vm, "Start")) else Step.NOTHING
    if strategy == "Once":
        return Step.STOP if asked else Step.NOTHING
    return Step.STOP if strategy == "Halted" else Step.NOTHING


def requests(vm: Object) -> list[dict[str, Any]]:
    """What has been asked for through the subresources and is not done yet."""
    found: list[dict[str, Any]] = status(vm).get("stateChangeRequests") or []
    return found


def wants(vm: Object, action: str) -> bool:
    return bool(requests(vm)) and requests(vm)[0]["action"] == action


def _asks_to_stop(vm: Object, vmi: Object) -> bool:
    return wants(vm, "Stop") and requests(vm)[0].get("uid") == uid(vmi)


def open_requests(vm: Object, vmi: Object | None) -> list[dict[str, Any]]:
    """The requests without the first one, when that has been fulfilled."""
    found = requests(vm)
    if not found:
        return found
    first = found[0]
    stopped = first["action"] == "Stop" and (vmi is None or uid(vmi) != first.get("uid"))
    started = first["action"] == "Start" and vmi is not None and not is_final(vmi)
    return found[1:] if stopped or started else found


def start_paused(vm: Object) -> bool:
    return wants(vm, "Start") and (requests(vm)[0].get("data") or {}).get("paused") == "true"


def start_failure(vm: Object, vmi: Object | None, now: datetime) -> dict[str, Any] | None:
    """How often in a row the VM has failed before it ran, and when it is tried again."""
    known: dict[str, Any] | None = status(vm).get("startFailure")
    if vmi is None:
        return known
    if phase(vmi) == "Running" or phase_time(vmi, "Running"):
        return None
    if phase(vmi) != "Failed" or (known and known.get("lastFailedVMIUID") == uid(vmi)):
        return known
    count = (known or {}).get("consecutiveFailCount", 0) + 1
    wait = min(START_BACKOFF * count * count, LONGEST_BACKOFF)
    retry = timestamp(now + wait)
    return {"consecutiveFailCount": count, "lastFailedVMIUID": uid(vmi), "retryAfterTimestamp": retry}


def retry_time(vm: Object, now: datetime) -> datetime:
    """When the VM may be started (again)."""
    failure = status(vm).get("startFailure")
    return parse_timestamp(failure["retryAfterTimestamp"]) if failure else now
