"""How benchmarks print a series."""

from __future__ import annotations

from collections.abc import Sequence


def line(what: str, milliseconds: Sequence[float]) -> str:
    """Median, 99th percentile and maximum, in milliseconds."""
    ordered = sorted(milliseconds)
    median, late = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    return f"{what}: n={len(ordered)} median={median:.1f} ms p99={late:.1f} ms max={ordered[-1]:.1f} ms"
