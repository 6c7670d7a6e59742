"""The differences between two chronicles of one scenario."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .chronicle import Chronicle
from .facts import Facts
from .story import SOURCE, VM, VMI, VMIM

STATES = (VM, VMI, VMIM)
"""The objects whose order of changes is KubeVirt's own; a pod's is the kubelet's, too."""
ABSENT, STEP = "absent", " → "
EVER, END = "ever", "the end"
ORDER, WRITES, FIELDS, VALUES, EVENTS = "order", "writes", "fields", "values", "events"
EVENT_FIELDS, EVENT_ORDER = "event fields", "event order"
Fact = tuple[str, str, str | None]
"""A role, a path and the value that came up there; None when it went."""
Pair = tuple[Fact, Fact]


@dataclass(frozen=True)
class Difference:
    """One difference. `facet` says what was compared, `role` which object, `subject` which field or what else."""

    facet: str
    role: str
    subject: str
    recorded: str
    lab: str
    pair: Pair | None = None
    """The two facts whose order or company differs."""
    moments: tuple[str, ...] = ()
    """When the field is there in one history and not in the other."""

    @property
    def ends_alike(self) -> bool:
        """Whether a field is the same in the end, however it came to be so."""
        if self.facet == FIELDS:
            return END not in self.moments
        return self.recorded.split(STEP)[-1] == self.lab.split(STEP)[-1]

    def __str__(self) -> str:
        return f"{self.facet} | {self.role} | {self.subject} | recorded: {self.recorded} | lab: {self.lab}"


def differences(recorded: Chronicle, lab: Chronicle) -> list[Difference]:
    found = []
    for role in [role for role in recorded.roles if role in lab.roles]:
        found += [*_fields(recorded, lab, role), *_values(recorded, lab, role)]
    return [*found, *_order(recorded, lab), *_events(recorded, lab)]


def _fields(recorded: Chronicle, lab: Chronicle, role: str) -> Iterator[Difference]:
    """Fields that one has and the other has not: ever, at the end, or at some phase of the migration."""
    theirs, ours = moments(recorded, role), moments(lab, role)
    for path in sorted(recorded.paths(role) | lab.paths(role)):
        only_theirs = [when for when in theirs if when in ours and path in theirs[when] and path not in ours[when]]
        only_ours = [when for when in ours if when in theirs and path in ours[when] and path not in theirs[when]]
        if only_theirs:
            yield Difference(FIELDS, role, path, _when(only_theirs), ABSENT, moments=tuple(only_theirs))
        if only_ours:
            yield Difference(FIELDS, role, path, ABSENT, _when(only_ours), moments=tuple(only_ours))


def _when(names: list[str]) -> str:
    return EVER if EVER in names else "at " + ", ".join(names)


def moments(chronicle: Chronicle, role: str) -> dict[str, set[str]]:
    """The fields of an object at each phase of the migration, at the end, and ever.

    How far a source pod's containers have ended by then is the kubelet's affair: it is not looked at in between.
    """
    found = {EVER: chronicle.paths(role), END: set(chronicle.last(role))}
    if role == SOURCE:
        return found
    for (path, value), revision in chronicle.arrivals(VMIM).items():
        facts = chronicle.at(role, revision) if path == "status.phase" else None
        if facts is not None and value is not None:
            found[value] = set(facts)
    return found


def _values(recorded: Chronicle, lab: Chronicle, role: str) -> Iterator[Difference]:
    """Fields that both have, with other values or with the same in another order."""
    for path in sorted(recorded.paths(role) & lab.paths(role)):
        theirs, ours = recorded.values(role, path), lab.values(role, path)
        if theirs != ours:
            yield Difference(VALUES, role, path, _course(theirs), _course(ours))


def _course(values: list[str | None]) -> str:
    return STEP.join(ABSENT if value is None else value or "''" for value in values)


def arrivals(chronicle: Chronicle) -> dict[Fact, int]:
    """When each fact about the VM, the VMI and the VMIM came up."""
    roles = [role for role in chronicle.roles if role in STATES]
    return {(role, *fact): revision for role in roles for fact, revision in chronicle.arrivals(role).items()}


def _order(recorded: Chronicle, lab: Chronicle) -> Iterator[Difference]:
    """What happened in another order, or was one write here and several there."""
    theirs, ours = arrivals(recorded), arrivals(lab)
    units: dict[tuple[int, int], list[Fact]] = {}
    for fact in theirs:
        if fact in ours:
            units.setdefault((theirs[fact], ours[fact]), []).append(fact)
    times = sorted(units)
    for index, first in enumerate(times):
        for second in times[index + 1 :]:
            one, other = units[first], units[second]
            pair = (one[0], other[0])
            if first[0] < second[0] and first[1] > second[1]:
                subject = f"{_unit(one)} before {_unit(other)}"
                yield Difference(ORDER, one[0][0], subject, "so", "the other way round", pair)
            elif first[0] == second[0] or first[1] == second[1]:
                counts = ("one write", "two writes") if first[0] == second[0] else ("two writes", "one write")
                yield Difference(WRITES, one[0][0], f"{_unit(one)} with {_unit(other)}", *counts, pair)


def _unit(facts: list[Fact]) -> str:
    """Some facts that came together in both histories."""
    shown = [f"{role} {path}" + (f"={value}" if value is not None else " removed") for role, path, value in facts[:2]]
    return ", ".join(shown) + (f" and {len(facts) - 2} more" if len(facts) > 2 else "")


def told(event: tuple[str, Facts]) -> tuple[str, str]:
    """Whom an Event is about, and all it says."""
    role, facts = event
    by = facts.get("source.component") or facts.get("reportingComponent", "")
    return role, f"{by}: {facts['type']} {facts['reason']} {facts['message']!r}"


def _events(recorded: Chronicle, lab: Chronicle) -> Iterator[Difference]:
    """Events that one history has and the other has not, and fields of those that both have."""
    theirs = {told(event): event[1] for event in reversed(recorded.events)}
    ours = {told(event): event[1] for event in reversed(lab.events)}
    for role, text in [key for key in theirs if key not in ours]:
        yield Difference(EVENTS, role, text, "seen", ABSENT)
    for role, text in [key for key in ours if key not in theirs]:
        yield Difference(EVENTS, role, text, ABSENT, "seen")
    yield from _event_fields(theirs, ours)
    yield from _event_order(recorded, lab)


def _event_fields(theirs: dict[tuple[str, str], Facts], ours: dict[tuple[str, str], Facts]) -> Iterator[Difference]:
    for key in [key for key in theirs if key in ours]:
        component = key[1].split(":")[0]
        for path in sorted(set(theirs[key]) | set(ours[key])):
            here, there = theirs[key].get(path, ABSENT), ours[key].get(path, ABSENT)
            if here != there and path not in ("metadata.name", "count"):
                yield Difference(EVENT_FIELDS, component, path, here, there)


def _event_order(recorded: Chronicle, lab: Chronicle) -> Iterator[Difference]:
    """One component's Events about one object come in the order in which it did things."""
    theirs = list(dict.fromkeys(told(event) for event in recorded.events))
    ours = list(dict.fromkeys(told(event) for event in lab.events))
    both = [key for key in theirs if key in ours]
    for index, first in enumerate(both):
        for second in both[index + 1 :]:
            same = first[0] == second[0] and first[1].split(":")[0] == second[1].split(":")[0]
            if same and ours.index(first) > ours.index(second):
                yield Difference(EVENT_ORDER, first[0], f"{first[1]} before {second[1]}", "so", "the other way round")
