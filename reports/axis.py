"""An axis with round numbers: what every picture is measured by."""

import math
from dataclasses import dataclass

SMALLEST = 1e-9
"""What is less is nought."""
MOST_STEPS = 5


@dataclass(frozen=True)
class Axis:
    """From a round number to a round number in steps of 1, 2 or 5 times a power of ten."""

    low: float
    high: float
    step: float

    def share(self, value: float) -> float:
        """Where on the axis the value lies, from 0 to 1; what lies beyond an end is drawn there."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def place(self, value: float, start: float, length: float) -> float:
        return round(start + self.share(value) * length, 1)

    def label(self, tick: float, unit: str = "") -> str:
        """A tick in as many places as its neighbours differ by."""
        places = min(9, max(0, -math.floor(math.log10(self.step) + 1e-9)))
        return f"{tick:,.{places}f} {unit}".strip()

    @property
    def ticks(self) -> list[float]:
        return [round(self.low + self.step * i, 9) for i in range(round((self.high - self.low) / self.step) + 1)]


def axis(low: float, high: float) -> Axis:
    """The axis on which these two values lie."""
    span = high - low
    if span <= max(SMALLEST, 1e-12 * abs(low)):
        return Axis(low, low + 1.0, 1.0)
    power = 10.0 ** math.floor(math.log10(span))
    step = next(step for step in (power / 5, power / 2, power, 2 * power, 5 * power) if span / step <= MOST_STEPS)
    begin = step * math.floor(round(low / step, 9))
    return Axis(begin, step * math.ceil(round(high / step, 9)), step)
