"""What a guest's image offers, so that where it takes no data or tells no state its users read instead."""

from __future__ import annotations

from typing import Any

import requests

from seatrial.fixtures.route import Route

from .users import PATIENCE, GuestUser, Poller, Visitor, Writer, equip, told

BEATS = 3
TRIES = 3


def users_for(route: Route) -> list[type[GuestUser]]:
    """The classes of users that this guest has something for."""
    found: list[type[GuestUser]] = [Visitor]
    with requests.Session() as session:
        equip(session, route)
        if "sha256" in _answer(session, route, "POST", "/data", b"?"):
            found.append(Writer)
        if _waits(session, route):
            found.append(Poller)
    return found


def _waits(session: requests.Session, route: Route) -> bool:
    """Whether it answers only when there is news: some beats on, so that none that come meanwhile are mistaken."""
    beat = _answer(session, route, "GET", "/state").get("heartbeat")
    if beat is None:
        return False
    wanted = int(beat) + BEATS
    return bool(_answer(session, route, "GET", f"/state?after={wanted}").get("heartbeat", 0) > wanted)


def _answer(
    session: requests.Session, route: Route, method: str, path: str, body: bytes | None = None
) -> dict[str, Any]:
    """The JSON object that it answers; empty when it answers something else."""
    url = route.origin + route.path.rstrip("/") + path
    for _ in range(TRIES):
        try:
            answer = session.request(method, url, data=body, timeout=PATIENCE)
        except requests.RequestException:
            continue
        return told(answer.text) if answer.ok else {}
    return {}
