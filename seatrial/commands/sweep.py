"""`seatrial sweep`: undo what runs have left on a cluster."""

from argparse import Namespace

from seatrial.errors import CommandError
from seatrial.fixtures.api import Api, Refused
from seatrial.fixtures.leftovers import Leftovers, find
from seatrial.fixtures.preflight import connect
from seatrial.fixtures.problem import NotReady
from seatrial.fixtures.sweep import sweep
from seatrial.fixtures.transport import Unreachable

LEFT = 1
"""The exit status when something could not be undone, or is still being deleted."""


def run(options: Namespace, rest: list[str]) -> int:
    try:
        api = connect(options.kubeconfig, options.context)
        if options.dry_run:
            done = [line for left in _wanted(api, options) for line in _found(left)]
            left: list[str] = []
        else:
            swept = sweep(api, options.run, everything=options.all, home=options.namespace)
            done, left = swept.done, swept.left
    except NotReady as error:
        raise CommandError(str(error)) from error
    except (Refused, Unreachable) as error:
        raise CommandError(f"the cluster does not let it be swept: {error}; it can be tried again") from error
    for line in (*done, *left):
        print(line)
    if not done and not left:
        print(f"Run {options.run} has left nothing." if options.run else "Nothing is left.")
    return LEFT if left else 0


def _wanted(api: Api, options: Namespace) -> list[Leftovers]:
    return [left for left in find(api, options.namespace) if options.run in (None, left.run)]


def _found(left: Leftovers) -> list[str]:
    names = [f"to restore: ConfigMap {saved['metadata']['name']}" for saved in left.originals]
    names += [f"{kind.kind} {name}" for kind, name in left.cluster_wide]
    names += [f"Namespace {name}" for name in left.namespaces]
    names += [f"{kind.kind} {obj['metadata']['namespace']}/{obj['metadata']['name']}" for kind, obj in left.belongings]
    names += [f"Lease {lease['metadata']['name']}" for lease in left.leases]
    state = "alive" if left.alive else "ended"
    return [f"run {left.run} ({state}): {name}" for name in names or ["signed in, nothing else"]]
