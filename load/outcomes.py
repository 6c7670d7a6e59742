"""How a request ended, in the words of the blackout probe: Locust hands over whatever its client raised."""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Iterator

from .samples import ANSWERED

TIMED_OUT, REFUSED, RESET = "timed out", "refused", "reset"
_WORDS = {
    errno.ETIMEDOUT: TIMED_OUT,
    errno.ECONNREFUSED: REFUSED,
    errno.ECONNRESET: RESET,
    errno.EPIPE: RESET,
    errno.ECONNABORTED: RESET,
}
_NAMED = {"Timeout": TIMED_OUT, "HTTPConnectionClosed": RESET, "HTTPParseError": "no http"}
"""Errors of Locust's client, by name: what judges requests need not import Locust."""


def outcome_of(error: BaseException | None, status: int = 0) -> str:
    """`ok`, or in one or two words why there was no answer."""
    if error is None:
        return ANSWERED
    if status >= 300:
        return f"http {status}"
    for cause in _causes(error):
        if isinstance(cause, TimeoutError):
            return TIMED_OUT
        if type(cause).__name__ in _NAMED:
            return _NAMED[type(cause).__name__]
        if isinstance(cause, OSError) and cause.errno and not isinstance(cause, ssl.SSLError):
            return _WORDS.get(cause.errno, os.strerror(cause.errno).lower())
    return (str(error).strip() or type(error).__name__).splitlines()[0].lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it wraps, the outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        inner = getattr(seen, "original", None)
        seen = inner if isinstance(inner, BaseException) else seen.__cause__ or seen.__context__
