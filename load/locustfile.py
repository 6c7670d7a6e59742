"""A locustfile: `locust -f load/locustfile.py --host http://SERVICE:8080 [--shape ramp] [--headless] …`.

Locust's own options, web page, statistics and distribution (`--processes`, `--master`, `--worker`) all work. Started as
a module, `python -m seatrial.load.locustfile`, it is the load process of the suites.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import urlsplit

from locust import events
from locust.argument_parser import LocustArgumentParser

from seatrial.fixtures.route import Route
from seatrial.load.offers import users_for
from seatrial.load.shapes import SHAPES, ShapeByHand
from seatrial.load.users import Poller, Visitor, Writer

__all__ = ["Poller", "ShapeByHand", "Visitor", "Writer"]


def add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument("--shape", choices=SHAPES, default=SHAPES[0], help="how the number of users changes")


def leave_out_what_the_guest_does_not_offer(environment: Any, **_: Any) -> None:
    if environment.host:
        url = urlsplit(environment.host)
        route = Route(url.hostname or "", url.port or 80, url.path or "/")
        environment.user_classes[:] = users_for(route)


events.init_command_line_parser.add_listener(add_options)
events.init.add_listener(leave_out_what_the_guest_does_not_offer)

if __name__ == "__main__":
    from seatrial.load.generator import main

    sys.exit(main(sys.argv[1:]))
