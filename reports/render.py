"""Write a run's certificate in all its forms. The journal is only read: everything here can be made again from it."""

from collections.abc import Callable
from pathlib import Path

from .certificate import Certificate, certificate_of
from .document import to_json
from .html import to_html
from .junit import to_xml

FORMS: dict[str, Callable[[Certificate], str]] = {
    "certificate.json": to_json,
    "certificate.html": to_html,
    "junit.xml": to_xml,
}


def render(directory: Path) -> Certificate:
    """Read the journal in `directory`, write the certificate beside it, and return it."""
    certificate = certificate_of(directory)
    for name, form in FORMS.items():
        _write(directory / name, form(certificate))
    return certificate


def _write(path: Path, text: str) -> None:
    """Replace the file at once, so that nobody reads half a certificate."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
