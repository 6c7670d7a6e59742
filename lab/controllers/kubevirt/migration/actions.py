"""What a reconcile of a migration may have to do besides writing the migration's status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .situation import Note


@dataclass(frozen=True)
class CreateTarget:
    """Make the target pod."""


@dataclass(frozen=True)
class DeleteTarget:
    """Delete the target pod, and say so."""

    done: Note
    failed: str
    """How to say that it could not be deleted."""


@dataclass(frozen=True)
class PatchVmi:
    """Change the VMI with a JSON patch that fails when somebody else was faster."""

    patch: tuple[dict[str, Any], ...]
    done: Note | None
    failed: Note | None
    hands_off: bool = False


@dataclass(frozen=True)
class MarkTargetReady:
    """Write on the target pod when its guest took over."""

    moment: str


@dataclass(frozen=True)
class Say:
    """Emit an event."""

    note: Note


@dataclass(frozen=True)
class ComeBack:
    """Look again after some seconds."""

    seconds: float


Action = CreateTarget | DeleteTarget | PatchVmi | MarkTargetReady | Say | ComeBack
