"""A cell of the table as an experiment of the Chaos Toolkit: what `seatrial experiment CELL` prints."""

from __future__ import annotations

from typing import Any

from .aftermath import UNTOUCHED
from .table import Cell, Fate

Json = dict[str, Any]
MODULE = "seatrial.chaos.toolkit"
WITNESSED = {
    Fate.SURVIVES: (Fate.STAYS, Fate.ARRIVES),
    Fate.SETTLES: (Fate.STAYS, Fate.ARRIVES, Fate.RESTARTS),
}
"""What is seen of a guest that may run on either node, or be lost and started anew."""


def experiment_of(cell: Cell) -> Json:
    """Its VM and namespace come from the environment. Raises ValueError for a cell that is not tried."""
    if cell.fate is None:
        raise ValueError(f"cell {cell.id} is not tried: {cell.because}")
    side = "" if cell.side == "both" else f", on the {cell.side}"
    title = f"{cell.fault.name}{side}, when a migration is {cell.moment}: the guest {cell.fate}"
    variables = ["VM", "NAMESPACE", *(["TARGET_NODE"] if cell.fault.on_nodes else [])]
    return {
        "title": title,
        "description": f"{cell.fault.summary[0].upper()}{cell.fault.summary[1:]}. Source: {cell.source}",
        "tags": ["kubevirt", "migration"],
        "configuration": {name.lower(): _from_environment(name) for name in variables},
        "runtime": {"rollbacks": {"strategy": "always"}},
        "steady-state-hypothesis": {
            "title": f"Untouched before, {cell.fate} afterwards",
            "probes": [_became(cell)],
        },
        "method": [_action("migrate-and-strike", "migrate_and_strike", _strike(cell))],
        "rollbacks": [_action("cancel-migrations", "cancel_migrations")],
    }


def _from_environment(name: str) -> Json:
    defaults = {"VM": "testvm", "NAMESPACE": "default"}
    return {"type": "env", "key": name, **({"default": defaults[name]} if name in defaults else {})}


def _strike(cell: Cell) -> Json:
    arguments: Json = {"fault": cell.fault.name, "side": str(cell.side), "moment": str(cell.moment)}
    if cell.fault.allow:
        arguments["allow"] = [cell.fault.allow]
    if cell.fault.on_nodes:
        arguments["target_node"] = "${target_node}"
    return arguments


def _became(cell: Cell) -> Json:
    """What is expected is waited for; a guest that has arrived though it was to be lost is none the worse for it."""
    assert cell.fate
    expected = [str(seen) for seen in WITNESSED.get(cell.fate, (cell.fate,))]
    spared = cell.fate in (Fate.STAYS, Fate.RESTARTS) and not cell.fault.asks_for_the_end
    borne = [*expected, *([str(Fate.ARRIVES)] if spared else [])]
    tolerance = {"type": "regex", "pattern": f"^({'|'.join((UNTOUCHED, *borne))})$"}
    return {**_activity("probe", "what-became", "what_became_of", {"expected": expected}), "tolerance": tolerance}


def _action(name: str, func: str, arguments: Json | None = None) -> Json:
    return _activity("action", name, func, arguments)


def _activity(type: str, name: str, func: str, arguments: Json | None = None) -> Json:
    where = {"vm": "${vm}", "namespace": "${namespace}"}
    provider = {"type": "python", "module": MODULE, "func": func, "arguments": {**where, **(arguments or {})}}
    return {"type": type, "name": name, "provider": provider}
