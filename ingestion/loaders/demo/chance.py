"""Chance that can be repeated: one generator per subject, and the rhythm of a week and a day.

Belongs here: drawing numbers and moments. What is drawn for belongs to the callers.
"""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")

# Monday to Sunday. Recruiters work on workdays; candidates also find time at weekends.
WORKING_WEEK = (1.0, 1.1, 1.1, 1.05, 0.85, 0.08, 0.05)
CANDIDATE_WEEK = (1.0, 1.05, 1.05, 1.0, 0.8, 0.45, 0.5)
# Midnight to midnight, in the hours of UTC.
WORKING_HOURS = (0, 0, 0, 0, 0, 0, 1, 3, 8, 12, 13, 11, 7, 10, 12, 11, 9, 5, 2, 1, 1, 0, 0, 0)
CANDIDATE_HOURS = (1, 0, 0, 0, 0, 0, 1, 2, 4, 6, 7, 7, 6, 6, 6, 6, 7, 8, 10, 12, 12, 9, 5, 2)


def generator(*subject: object) -> Random:
    """The generator of a subject: independent of every other, the same in every run."""
    # Not for secrets: repeatable is what it has to be.
    return Random("\x1f".join(map(str, subject)))  # noqa: S311


def poisson(chance: Random, mean: float) -> int:
    """How often something happens that happens `mean` times on average."""
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count


def pick(chance: Random, weights: dict[T, float]) -> T:
    return chance.choices(list(weights), list(weights.values()))[0]


def moment(chance: Random, day: date, hours: Sequence[float]) -> datetime:
    """A moment of `day` at an hour that is as likely as its weight."""
    hour = chance.choices(range(24), hours)[0]
    seconds = chance.randrange(3_600_000) / 1000
    return datetime.combine(day, time(hour), UTC) + timedelta(seconds=seconds)


def day_after(chance: Random, day: date, within_days: int, week: Sequence[float]) -> date:
    """A day from `day` on, sooner rather than later, in the rhythm of `week`."""
    days = [day + timedelta(days=ahead) for ahead in range(within_days)]
    weights = [week[each.weekday()] / (ahead + 2) for ahead, each in enumerate(days)]
    return chance.choices(days, weights)[0]
