"""Where a value lies on a chart. Pure arithmetic.

Belongs here: axes and their marks. Drawing belongs to `charts.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

# Steps that people count in; the last lets the next power of ten begin.
COUNT_STEPS = (1.0, 2.0, 5.0, 10.0)
MARK_COUNT = 4


@dataclass(frozen=True)
class Scale:
    """A straight line from values to pixels; `reverse` because pixels grow downwards."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        if self.high == self.low:
            return self.start
        part = (value - self.low) / (self.high - self.low)
        return round(self.start + part * (self.end - self.start), 1)


def marks(highest: float, is_binary: bool = False) -> list[float]:
    """Round values from zero to just above `highest`, about MARK_COUNT of them.

    Counts step by 1, 2 or 5 and never by a fraction; sizes (`is_binary`) by powers of two.
    """
    if highest <= 0:
        return [0.0, 1.0]
    step = _binary_step(highest) if is_binary else _count_step(highest)
    return [step * index for index in range(math.ceil(highest / step) + 1)]


def _count_step(highest: float) -> float:
    rough = highest / MARK_COUNT
    power = 10 ** math.floor(math.log10(rough)) if rough > 0 else 1
    step = next(factor * power for factor in COUNT_STEPS if factor * power >= rough * 0.999)
    return max(1.0, step)


def _binary_step(highest: float) -> float:
    return max(1.0, 2.0 ** math.ceil(math.log2(highest / MARK_COUNT)))


def day_marks(days: Sequence[date], most: int) -> list[int]:
    """Indexes of the days that get a label: at most `most`, evenly apart, on a Monday or a
    first of the month where the steps allow it."""
    if len(days) <= most:
        return list(range(len(days)))
    step = math.ceil(len(days) / most)
    if step > 2:
        step = math.ceil(step / 7) * 7
        start = next((i for i, day in enumerate(days) if day.weekday() == 0), 0)
        return list(range(start, len(days), step))
    return list(range(0, len(days), step))
