"""Locust's shapes for our curves."""

from __future__ import annotations

from typing import ClassVar

from locust import LoadTestShape

from .plan import Curve, ramp, spike, steady

SHAPES = ("steady", "ramp", "spike")
BY_HAND_SECONDS = 10.0
"""How long a ramp that is asked for by hand goes up, and when and how long a spike comes."""


class CurveShape(LoadTestShape):
    """As many users as a curve says, until somebody stops it."""

    abstract = True

    def __init__(self, curve: Curve) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.curve = curve

    def tick(self) -> tuple[int, float]:
        elapsed = self.get_run_time()  # type: ignore[no-untyped-call]
        return self.curve.at(elapsed), float(self.curve.most)


class ShapeByHand(LoadTestShape):
    """The shape of `locust -f`: --shape, with Locust's own --users and --run-time."""

    use_common_options: ClassVar[bool] = True

    def tick(self) -> tuple[int, float] | None:
        assert self.runner is not None
        options = self.runner.environment.parsed_options
        assert options is not None
        elapsed = self.get_run_time()  # type: ignore[no-untyped-call]
        peak = options.num_users or 6
        if options.run_time and elapsed > options.run_time:
            return None
        return curve_named(options.shape, peak).at(elapsed), float(peak)


def curve_named(shape: str, peak: int) -> Curve:
    """A curve by the name of its shape; ramps and spikes begin with a fifth of the users."""
    few = max(peak // 5, 1)
    if shape == "ramp":
        return ramp(few, peak, BY_HAND_SECONDS)
    if shape == "spike":
        return spike(few, peak, BY_HAND_SECONDS, BY_HAND_SECONDS)
    return steady(peak)
