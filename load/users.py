"""The users: a visitor who reads and goes, a writer who brings data, and a poller who waits for news.

A visitor comes by a connection of their own each time; writer and poller keep theirs, so that they also meet what a
migration does to connections.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import weakref
from itertools import cycle
from typing import Any, ClassVar

import requests
import urllib3
from locust import HttpUser, task
from requests.adapters import HTTPAdapter

from seatrial.fixtures.connections import tls_settings
from seatrial.fixtures.proxies import Proxy
from seatrial.fixtures.route import Route, proxy_context

from .samples import POLL, VISIT, WENT_BACK, WRITE, WRONG_SUM

PATIENCE = 2.0
"""Seconds without a byte after which a user gives a request up."""
WRITTEN = 256 * 1024
"""Bytes that a writer brings."""


class GuestUser(HttpUser):
    """Asks one guest. Without routes (plain `locust`) that is `--host`; with them users take them in turn.

    Not Locust's faster client: that one asks again by itself where a connection breaks, and no loss would be seen.
    """

    abstract = True
    routes: ClassVar[tuple[Route, ...]] = ()
    pause: ClassVar[float] = 0.1
    pauses: ClassVar[int] = 1
    """How many pauses lie between two requests."""
    processes: ClassVar[int] = 1
    """Over how many processes the users are spread."""
    turn: ClassVar[cycle[int] | None] = None
    equipped: ClassVar[weakref.WeakSet[GuestUser]] = weakref.WeakSet()

    def __init__(self, environment: Any) -> None:
        self.target, self.prefix = 0, ""
        route = None
        if self.routes:
            self.target = self._next_target(environment)
            route = self.routes[self.target]
            self.host, self.prefix = route.origin, route.path.rstrip("/")
        super().__init__(environment)  # type: ignore[no-untyped-call]
        self.client.trust_env = False
        if route:
            equip(self.client, route)
            self.equipped.add(self)

    @classmethod
    def renew(cls, credentials: Route) -> None:
        """Give all users new credentials for the way through the API server."""
        cls.routes = tuple(route if route.direct else route.renewed(credentials) for route in cls.routes)
        for user in list(cls.equipped):
            equip(user.client, cls.routes[user.target])

    @classmethod
    def _next_target(cls, environment: Any) -> int:
        """Each class goes round; each worker process begins elsewhere, so that together they visit all."""
        if cls.turn is None:
            count, worker = len(cls.routes), max(environment.runner.worker_index, 0)
            cls.turn = cycle([(worker * count // cls.processes + n) % count for n in range(count)])
        return next(cls.turn)

    def wait_time(self) -> float:
        return self.pause * self.pauses * random.uniform(0.5, 1.5)

    def ask(self, method: str, path: str, kind: str, *, close: bool = False, data: bytes | None = None) -> Any:
        """One request, to be judged in a `with` block; statistics know it by its kind."""
        return self.client.request(
            method,
            self.prefix + path,
            name=kind,
            data=data,
            headers={"Connection": "close"} if close else {},
            timeout=PATIENCE,
            context={"target": self.target},
            catch_response=True,
        )


class Visitor(GuestUser):
    """The light reader."""

    weight = 4

    @task
    def read(self) -> None:
        with self.ask("GET", "/", VISIT, close=True):
            pass


class Writer(GuestUser):
    """The heavy writer: the guest has to tell the sum of what it was given."""

    weight = 1
    pauses = 4

    def on_start(self) -> None:
        self.data = os.urandom(WRITTEN)
        self.sum = hashlib.sha256(self.data).hexdigest()

    @task
    def write(self) -> None:
        with self.ask("POST", "/data", WRITE, data=self.data) as answer:
            if answer.ok and told(answer.text).get("sha256") != self.sum:
                answer.failure(WRONG_SUM)


class Poller(GuestUser):
    """Waits for the guest's next heartbeat, which never goes back; after a loss it asks how things are."""

    weight = 1

    def on_start(self) -> None:
        self.heartbeat, self.next = 0, False

    @task
    def poll(self) -> None:
        least = self.heartbeat + self.next
        path = f"/state?after={self.heartbeat}" if self.next else "/state"
        with self.ask("GET", path, POLL) as answer:
            self.next = answer.ok
            if answer.ok:
                self.heartbeat = told(answer.text).get("heartbeat", 0)
                if self.heartbeat < least:
                    answer.failure(WENT_BACK)


def told(text: str | None) -> dict[str, Any]:
    """The JSON object that a guest answered with; empty when it was something else."""
    try:
        value = json.loads(text or "")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def equip(session: requests.Session, route: Route) -> None:
    """Let a session go by a route: its TLS, its proxy, and the credentials of the run."""
    session.trust_env = False
    session.mount(route.origin, _Adapter(route))
    if route.tls:
        session.verify = (route.ca_file or True) if route.verify else False
    if not route.verify:
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if route.authorization:
        session.headers["Authorization"] = route.authorization
    if route.proxy:
        proxy = Proxy.of(route.proxy)
        url = f"socks5h://{route.proxy.partition('://')[2]}" if proxy.is_socks else route.proxy
        session.proxies = {"http": url, "https": url}


class _Adapter(HTTPAdapter):
    """requests' connections with the route's TLS, which all our clients share."""

    def __init__(self, route: Route) -> None:
        self._route, self._settings = route, tls_settings(route)
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **settings: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **settings, **self._settings)

    def proxy_manager_for(self, proxy: str, **settings: Any) -> Any:
        if proxy.startswith("https:"):
            settings["proxy_ssl_context"] = proxy_context(self._route)
        return super().proxy_manager_for(proxy, **settings, **self._settings)
