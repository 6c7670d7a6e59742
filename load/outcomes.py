"""How a request ended, in the words of the blackout probe: Locust hands over whatever its client raised."""

from __future__ import annotations

import os
from collections.abc import Iterator

from .samples import ANSWERED

FIRST_BAD_STATUS = 300


def outcome_of(error: BaseException | None, status: int = 0) -> str:
    """`ok`, or in one or two words why there was no answer."""
    if error is None:
        return ANSWERED
    if status >= FIRST_BAD_STATUS:
        return f"http {status}"
    for cause in _causes(error):
        match cause:
            case TimeoutError():
                return "timed out"
            case ConnectionRefusedError():
                return "refused"
            case ConnectionError():
                return "reset"
            case OSError(errno=int(number)):
                return os.strerror(number).lower()
    return (str(error).strip() or type(error).__name__).splitlines()[0].lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and those that led to it, the last first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
