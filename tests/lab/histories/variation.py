"""What the recorded cluster itself did not do the same way each time: its other recordings speak for the lab.

Controllers race with one another there, and one recording is one outcome of the race. A difference is excused when
another recording has what the lab has: of any migration where it is about order, or about how far other objects are at
a phase; of one that ended the same way where it is about the end, values and Events.
"""

from __future__ import annotations

from collections.abc import Iterable

from .chronicle import Chronicle
from .differences import END, EVENTS, EVER, FIELDS, ORDER, VALUES, WRITES, Difference, arrivals, moments, told

TOGETHER = "one write"


def happened_too(
    difference: Difference, lab: Chronicle, peers: Iterable[Chronicle], others: Iterable[Chronicle]
) -> bool:
    """Whether the recorded cluster did at another time what the lab did. `peers` are recordings of the same end."""
    if difference.facet in (ORDER, WRITES):
        return any(_same_order(difference, other) for other in others)
    if difference.facet == EVENTS:
        key = (difference.role, difference.subject)
        return any((key in map(told, peer.events)) == (difference.lab == "seen") for peer in peers)
    if difference.facet in (FIELDS, VALUES):
        alike = peers if {EVER, END} & set(difference.moments) or difference.facet == VALUES else others
        return any(_same_course(difference, lab, other) for other in alike)
    return False


def _same_order(difference: Difference, other: Chronicle) -> bool:
    times = arrivals(other)
    assert difference.pair
    first, second = (times.get(fact) for fact in difference.pair)
    if first is None or second is None:
        return False
    if difference.facet == ORDER:
        return first > second
    return (first == second) is (difference.lab == TOGETHER)


def _same_course(difference: Difference, lab: Chronicle, peer: Chronicle) -> bool:
    role, path = difference.role, difference.subject
    if role not in peer.roles or path not in peer.paths(role) or path not in lab.paths(role):
        return False
    if difference.facet == VALUES:
        return peer.values(role, path) == lab.values(role, path)
    theirs, ours = moments(peer, role), moments(lab, role)
    return all(when in theirs and (path in theirs[when]) == (path in ours[when]) for when in difference.moments)
