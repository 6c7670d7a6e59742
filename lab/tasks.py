"""Tasks whose end nobody may be there to see."""

from __future__ import annotations

import asyncio
from typing import Any


def heard(task: asyncio.Task[Any]) -> None:
    """A done callback: what a task ended with is known, though who waited for it was called away before."""
    if not task.cancelled():
        task.exception()
