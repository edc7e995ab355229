"""What questions about usage have in common: the month, the zone, the resource, the comparison.

Belongs here: reading them, and refusing a wrong one by its field and rule.
"""

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from fastapi import Query
from pydantic import BaseModel

from serving.problems import Problem

MONTH = re.compile(r"(?P<year>20\d\d)-(?P<month>0[1-9]|1[0-2])", re.ASCII)


class Resource(StrEnum):
    """What is metered."""

    ANALYSIS = "analysis"
    INTERVIEWS = "interviews"
    STORAGE = "storage"


class Grain(StrEnum):
    """How finely an answer tells."""

    MONTH = "month"
    DAY = "day"


class Compare(StrEnum):
    """With what."""

    PREVIOUS = "previous"


class DayOfUse(BaseModel):
    """What was used on a day."""

    date: date
    used_count: int


MonthGiven = Annotated[
    str | None,
    Query(
        max_length=20,
        description="YYYY-MM, by default this month in `time_zone`.",
        examples=["2026-11"],
    ),
]
ZoneGiven = Annotated[
    str,
    Query(
        max_length=64,
        description="An IANA time zone: which month is this month, and the last to be asked for."
        " Usage itself is kept by days in UTC.",
        examples=["Europe/Berlin"],
    ),
]
ResourceGiven = Annotated[Resource | None, Query(description="This one alone.")]
GrainGiven = Annotated[Grain, Query(description="`day` tells every day with usage, too.")]
CompareGiven = Annotated[
    Compare | None, Query(description="`previous` tells the month before beside it.")
]


@cache
def _zones() -> frozenset[str]:
    """Found by walking folders, which takes longer than the rest of a request."""
    return frozenset(available_timezones())


def first_day(month: str | None, zone: str, now: datetime) -> date:
    """The month's first day. Raises Problem 422."""
    if zone not in _zones():
        raise broken("time_zone", "must be an IANA time zone, such as Europe/Berlin or UTC")
    today = now.astimezone(ZoneInfo(zone)).date()
    if month is None:
        return today.replace(day=1)
    found = MONTH.fullmatch(month)
    if found is None:
        raise broken("month", "must be a month as YYYY-MM, such as 2026-11, from 2000 on")
    first = date(int(found["year"]), int(found["month"]), 1)
    if first > today:
        raise broken("month", f"must not be after this month, {today:%Y-%m} ({zone})")
    return first


def last_day(first: date) -> date:
    """Of the month that begins on `first`."""
    return (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def month_before(first: date) -> date:
    """The first day of the month before."""
    return (first - timedelta(days=1)).replace(day=1)


def change_percent(before: int, now: int) -> str | None:
    """By how much, as a decimal number; None where there was nothing before."""
    if before == 0:
        return None
    exact = Decimal(now - before) * 100 / Decimal(before)
    return str(exact.quantize(Decimal("0.1"), ROUND_HALF_UP))


def broken(field: str, rule: str) -> Problem:
    """A parameter that breaks a rule."""
    return Problem(422, f"{field}: {rule}", invalid_parameters=[{"field": field, "rule": rule}])
