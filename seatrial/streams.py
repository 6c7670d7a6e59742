"""Output that may end before the command does: its reader goes (`| head`), a terminal is lost, a disk is full.

What is written from then on is lost, and the command goes on. A run that its output cut off would be left half done on
a cluster, and its verdict lost.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast


class Tolerant:
    """A stream that outlives whoever takes what is written; all else is as the stream itself has it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.error: OSError | None = None
        """What has ended it; a BrokenPipeError: its reader has gone."""

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self, error: OSError) -> None:
        """Let what is still in the stream's buffer, and all that follows, go nowhere."""
        self.error = error
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


@contextmanager
def tolerant() -> Iterator[Tolerant]:
    """Standard output, which is given, and standard error are tolerant as long as the block runs."""
    before = sys.stdout, sys.stderr
    output, errors = (Tolerant(stream) for stream in before)
    sys.stdout, sys.stderr = cast(TextIO, output), cast(TextIO, errors)
    try:
        yield output
    finally:
        output.flush()
        errors.flush()
        sys.stdout, sys.stderr = before


def output_ended() -> bool:
    """Whether nobody takes what is written to standard output any more."""
    return isinstance(sys.stdout, Tolerant) and sys.stdout.error is not None
