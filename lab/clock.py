"""Points in time as the Kubernetes API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def timestamp(moment: datetime | None = None) -> str:
    """`metav1.Time`: whole seconds."""
    return (moment or datetime.now(UTC)).isoformat(timespec="seconds")[:19] + "Z"


def micro_timestamp(moment: datetime | None = None) -> str:
    """`metav1.MicroTime`: events and leases have it."""
    return (moment or datetime.now(UTC)).isoformat(timespec="microseconds")[:26] + "Z"


def parse_timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
