"""What the load process is asked to do; it travels as one line of JSON, by a pipe, since it holds credentials."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import orjson

from seatrial.fixtures.route import Route

USERS_PER_PROCESS = 25
"""One process bears more, but measures itself then; beyond this Locust's master spreads the users over workers."""


@dataclass(frozen=True)
class Curve:
    """How many users there are when: points of (seconds, users), straight lines between them, level after the last."""

    points: tuple[tuple[float, int], ...]

    @property
    def most(self) -> int:
        return max(users for _, users in self.points)

    def at(self, seconds: float) -> int:
        for (t0, from_users), (t1, to_users) in pairwise(self.points):
            if seconds < t1:
                return round(from_users + (to_users - from_users) * (seconds - t0) / (t1 - t0))
        return self.points[-1][1]


def steady(users: int) -> Curve:
    """So many from the start, until the end."""
    return Curve(((0.0, users),))


def ramp(users: int, peak: int, seconds: float) -> Curve:
    """More and more, and then as many until the end."""
    return Curve(((0.0, users), (seconds, peak)))


def spike(users: int, peak: int, after: float, lasts: float) -> Curve:
    """Many all at once, for a while."""
    end = after + 1.0 + lasts
    return Curve(((0.0, users), (after, users), (after + 1.0, peak), (end, peak), (end + 1.0, users)))


@dataclass(frozen=True)
class Plan:
    """Which guests are asked, by how many users, and how long each of them waits between two requests."""

    routes: tuple[Route, ...]
    curve: Curve
    pause: float
    users: tuple[str, ...] = ()
    """The classes of users by name; none: those that the first guest has something for."""

    @property
    def workers(self) -> int:
        """How many worker processes Locust's master needs beside itself; 0: one process does it all."""
        needed = -(-self.curve.most // USERS_PER_PROCESS)
        return needed if needed > 1 else 0

    def written(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def read(cls, line: bytes) -> Plan:
        given: dict[str, Any] = orjson.loads(line)
        points = tuple((float(at), int(users)) for at, users in given["curve"]["points"])
        return cls(
            tuple(Route(**route) for route in given["routes"]), Curve(points), given["pause"], tuple(given["users"])
        )
