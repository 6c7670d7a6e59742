"""Output whose reader may go, as `| head` does: what is written from then on is lost, and the command goes on.

A run that is cut off by its reader would be left half done on a cluster, and its verdict lost.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class Tolerant:
    """A stream that swallows what nobody reads; all else is as the stream itself has it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.gone = False
        """Whether the reader has gone."""

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._give_up()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._give_up()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self) -> None:
        """Let what is still in the stream's buffer, and all that follows, go nowhere."""
        self.gone = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def tolerant() -> Iterator[None]:
    """Standard output and standard error are tolerant as long as the block runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, Tolerant(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def reader_has_gone() -> bool:
    """Whether nobody reads standard output any more."""
    return getattr(sys.stdout, "gone", False) is True
