"""What a guest's image offers, so that where it takes no data or tells no state its users read instead."""

from __future__ import annotations

import http.client
from typing import Any

from seatrial.fixtures.blackout import Route

from .users import PATIENCE, GuestUser, Poller, Visitor, Writer, told, trusting


def users_for(route: Route) -> list[type[GuestUser]]:
    """The classes of users that this guest has something for."""
    found: list[type[GuestUser]] = [Visitor]
    if "sha256" in _answer(route, "POST", "/data", b"?"):
        found.append(Writer)
    if _waits(route):
        found.append(Poller)
    return found


def _waits(route: Route) -> bool:
    """Whether it answers only when there is news."""
    beat = _answer(route, "GET", "/state").get("heartbeat")
    return beat is not None and bool(_answer(route, "GET", f"/state?after={beat}").get("heartbeat", beat) > beat)


def _answer(route: Route, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    """The JSON object that it answers; empty when it answers something else."""
    connection = _connection(route)
    headers = {"Connection": "close"}
    if route.authorization:
        headers["Authorization"] = route.authorization
    try:
        connection.request(method, route.path.rstrip("/") + path, body, headers)
        answer = connection.getresponse()
        return told(answer.read().decode(errors="replace")) if answer.status == http.client.OK else {}
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()


def _connection(route: Route) -> http.client.HTTPConnection:
    if route.tls:
        return http.client.HTTPSConnection(route.host, route.port, timeout=PATIENCE, context=trusting(route))
    return http.client.HTTPConnection(route.host, route.port, timeout=PATIENCE)
