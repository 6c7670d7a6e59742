"""`python -m tests.lab.histories`: compare the lab with the recordings, and write the page about it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .page import PAGE, page
from .recordings import CAPTURES
from .run import run


def main() -> int:
    if not CAPTURES.is_dir():
        print(f"there are no recordings in {CAPTURES}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder))
    PAGE.write_text(page(outcome))
    for difference in outcome.verdict.unknown:
        print(f"unknown: {difference}")
    for title in outcome.verdict.gone:
        print(f"no longer found: {title}")
    print(f"wrote {PAGE}")
    return 1 if outcome.verdict.unknown or outcome.verdict.gone else 0


if __name__ == "__main__":
    sys.exit(main())
