"""`seatrial sweep`: undo what runs have left on a cluster."""

from argparse import Namespace

from seatrial.errors import CommandError
from seatrial.fixtures.api import Api, Refused
from seatrial.fixtures.preflight import NotReady, connect
from seatrial.fixtures.sweep import Leftovers, find, sweep
from seatrial.fixtures.transport import Unreachable


def run(options: Namespace, rest: list[str]) -> int:
    try:
        api = connect(options.kubeconfig, options.context)
        if options.dry_run:
            lines = [line for left in _wanted(api, options.run) for line in _found(left)]
        else:
            lines = sweep(api, options.run, everything=options.all)
    except NotReady as error:
        raise CommandError(str(error)) from error
    except (Refused, Unreachable) as error:
        raise CommandError(f"the cluster does not let it be swept: {error}; it can be tried again") from error
    for line in lines:
        print(line)
    if not lines:
        print(f"Run {options.run} has left nothing." if options.run else "Nothing is left.")
    return 0


def _wanted(api: Api, run: str | None) -> list[Leftovers]:
    return [left for left in find(api) if run in (None, left.run)]


def _found(left: Leftovers) -> list[str]:
    names = [f"to restore: ConfigMap {saved['metadata']['name']}" for saved in left.originals]
    names += [f"{kind.kind} {name}" for kind, name in left.cluster_wide]
    names += [f"Namespace {name}" for name in left.namespaces]
    names += [f"Lease {name}" for name in left.leases]
    state = "alive" if left.alive else "ended"
    return [f"run {left.run} ({state}): {name}" for name in names or ["signed in, nothing else"]]
