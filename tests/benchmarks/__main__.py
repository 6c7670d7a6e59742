"""Run the benchmarks that are named, or all: `python -m tests.benchmarks [NAME...]`."""

from __future__ import annotations

import sys

from . import latency, probe, startup, storm, trigger

BENCHMARKS = {
    "startup": startup.main,
    "latency": latency.main,
    "probe": probe.main,
    "storm": storm.main,
    "trigger": trigger.main,
}


def main() -> int:
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"no such benchmark: {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    for name in names:
        BENCHMARKS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
