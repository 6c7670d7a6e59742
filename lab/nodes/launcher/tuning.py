"""Downtime tuning (gate MigrationDowntimeTuning, after KubeVirt 1.9.0): the permitted pause grows step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tuning:
    """`experimental.downtimeTuning`: pauses in milliseconds, the cool-down in seconds."""

    longest: int
    initial: int = 150
    steps: int = 7
    after_pass: int = 3
    cooldown: int = 10

    @classmethod
    def of(cls, configured: Mapping[str, Any], longest: int) -> Tuning:
        return cls(
            longest=longest,
            initial=min(int(configured.get("initialMs", 150)), longest),
            steps=max(int(configured.get("steps", 7)), 1),
            after_pass=int(configured.get("startAfterIteration", 3)),
            cooldown=max(int(configured.get("cooldownSeconds", 10)), 1),
        )


class Tuner:
    """Says which pause is due to be permitted, if another than now."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self.current = 0
        self._tuned_at = 0.0

    def due(self, elapsed: float, iteration: int) -> int | None:
        tuning = self._tuning
        if not self.current:
            return tuning.initial
        if iteration < tuning.after_pass or elapsed - self._tuned_at < tuning.cooldown:
            return None
        step = max((tuning.longest - tuning.initial) // tuning.steps, 1)
        wanted = min(self.current + step, tuning.longest)
        return wanted if wanted > self.current else None

    def permitted(self, milliseconds: int, elapsed: float) -> str:
        """It has been set; what the launcher's log says of it."""
        before, self.current, self._tuned_at = self.current, milliseconds, elapsed
        return f"downtime tuning: max_downtime {before or 300}ms -> {milliseconds}ms (ceiling={self._tuning.longest}ms)"
