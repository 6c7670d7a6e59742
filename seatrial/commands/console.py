"""The terminal, as all commands use it: colours where it has them, nothing but text where it does not."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from seatrial.reports.certificate import Certificate
from seatrial.reports.text import summary
from seatrial.reports.verdict import Verdict

_COLOURS = {
    Verdict.CERTIFIED: "bold green",
    Verdict.WITH_CONDITIONS: "bold yellow",
    Verdict.NOT_CERTIFIED: "bold red",
    Verdict.INCONCLUSIVE: "bold magenta",
}


def make_console() -> Console:
    """A console that changes nothing of what it is given."""
    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


def show_summary(certificate: Certificate, directory: Path) -> None:
    """Print the summary with the verdict, and the lab's stamp, in colour."""
    text = Text(summary(certificate, directory))
    text.highlight_regex(r"\AVerdict: .*", _COLOURS[certificate.conclusion.verdict])
    text.highlight_regex(r"(?m)^\*\*\* .* \*\*\*$", "bold black on yellow")
    text.highlight_regex(r"(?m)^(Findings|Conditions|Not tested|Surroundings|Measured).*:$", "bold")
    make_console().print(text, end="")
