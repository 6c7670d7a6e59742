"""Read a journal while it is being written."""

from pathlib import Path

from .journal import FILE, decode
from .model import Record


class Follower:
    """Gives each record once, as soon as its line is complete."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        self._position = 0
        self._rest = b""

    def read(self) -> list[Record]:
        """The records that came since the last call."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._position)
                data = stream.read()
        except FileNotFoundError:
            return []
        self._position += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [record for line in lines if (record := decode(line))]
