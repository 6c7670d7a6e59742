"""`python -m tests.cli.reference`: writes docs/reference/cli.md from what the commands say of themselves."""

import os
from pathlib import Path
from unittest.mock import patch

from seatrial.cli import build_parser

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
COMMANDS = ("certify", "lab", "sweep", "requirements", "experiment", "report")
_HEAD = """\
# The command line

Made by `python -m tests.cli.reference`; a test compares it with the commands.
"""


def page() -> str:
    """The page as it should be."""
    with patch.dict(os.environ, {"COLUMNS": "120", "NO_COLOR": "1"}):
        parser = build_parser()
        commands = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
        texts = [("seatrial", parser.format_help())]
        texts += [(f"seatrial {name}", commands[name].format_help()) for name in COMMANDS]
    return _HEAD + "".join(f"\n## {name}\n\n```text\n{text.strip()}\n```\n" for name, text in texts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
