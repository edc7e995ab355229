"""Who the customers are: when they came, on which plan, when they went up a plan or left.

Belongs here: what is decided once per customer. What they do day by day belongs to `hiring`
and `activity`.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from random import Random
from uuid import UUID

from ingestion.loaders.demo import words
from ingestion.loaders.demo.chance import WORKING_HOURS, generator, moment, pick
from ingestion.loaders.ids import stable_id
from ingestion.loaders.reference import PLAN_NAMES, user_id

_PLANS_AT_START = {"free": 0.45, "starter": 0.30, "pro": 0.20, "enterprise": 0.05}
# Interviews a month of a customer of average diligence.
_INTERVIEWS_A_MONTH = {"free": 0.8, "starter": 1.6, "pro": 2.8, "enterprise": 5.0}
_LEAVES_WITHIN_A_MONTH = {"free": 0.07, "starter": 0.04, "pro": 0.025, "enterprise": 0.01}
_GOES_UP_WITHIN_A_MONTH = {"free": 0.08, "starter": 0.05, "pro": 0.02, "enterprise": 0.0}
# The share of customers who were there before the window opens; the others come ever faster.
_THERE_BEFORE = 0.45
_CUSTOMERS_A_COMPANY = 3


@dataclass(frozen=True)
class Demo:
    """The parameters. `now` is the anchor: nothing happens after it."""

    users: int
    days: int
    seed: int
    now: datetime
    # How many times as many visits as usual.
    activity: int = 1

    @property
    def key(self) -> str:
        """Tells this demo's rows from those of a demo with other parameters."""
        activity = "" if self.activity == 1 else f"-activity-{self.activity}"
        return f"seed-{self.seed}-users-{self.users}-days-{self.days}{activity}"

    @cached_property
    def first_day(self) -> date:
        return self.now.astimezone(UTC).date() - timedelta(days=self.days)

    @cached_property
    def last_day(self) -> date:
        return self.now.astimezone(UTC).date()

    def id(self, kind: str, *parts: object) -> UUID:
        return stable_id(kind, self.key, *parts)


@dataclass(frozen=True)
class Customer:
    """One user of the product, as `make_customer` decided."""

    demo: Demo
    index: int
    given_name: str
    family_name: str
    company: str
    joined_at: datetime
    left_on: date | None
    # From which day on which plan, the first being the day of joining.
    plans: tuple[tuple[date, str], ...]
    diligence: float

    @cached_property
    def email(self) -> str:
        domain = self.company.lower().replace(" ", "-")
        local = f"{self.given_name}.{self.family_name}{self.index}".lower()
        return f"{local}@{domain}.{self.demo.key}.example"

    @cached_property
    def id(self) -> UUID:
        return user_id(self.email)

    def plan_on(self, day: date) -> tuple[date, str]:
        """The plan of that day, and since when it is in force."""
        return max((each for each in self.plans if each[0] <= day), default=self.plans[0])

    def interviews_a_day(self, day: date) -> float:
        return self.diligence * _INTERVIEWS_A_MONTH[self.plan_on(day)[1]] / 21

    def is_active_on(self, day: date) -> bool:
        return self.joined_at.date() <= day and (self.left_on is None or day < self.left_on)

    def chance(self, purpose: str) -> Random:
        return generator(self.demo.seed, self.index, purpose)


def make_customer(demo: Demo, index: int) -> Customer:
    chance = generator(demo.seed, index, "customer")
    company_number = index // _CUSTOMERS_A_COMPANY
    joined_on = _joined_on(demo, chance)
    plans, left_on = _history(demo, chance, joined_on)
    first, last = words.COMPANY_FIRST, words.COMPANY_LAST
    return Customer(
        demo=demo,
        index=index,
        given_name=chance.choice(words.GIVEN_NAMES),
        family_name=chance.choice(words.FAMILY_NAMES),
        company=f"{first[company_number % len(first)]} {last[company_number % len(last)]}",
        joined_at=min(moment(chance, joined_on, WORKING_HOURS), demo.now - timedelta(hours=1)),
        left_on=left_on,
        plans=plans,
        diligence=chance.lognormvariate(-0.3, 0.85),
    )


def _joined_on(demo: Demo, chance: Random) -> date:
    if chance.random() < _THERE_BEFORE:
        return demo.first_day - timedelta(days=chance.randint(1, 400))
    ahead = int(demo.days * chance.random() ** 0.6)
    return demo.first_day + timedelta(days=min(ahead, demo.days - 1))


def _history(
    demo: Demo, chance: Random, joined_on: date
) -> tuple[tuple[tuple[date, str], ...], date | None]:
    """Month by month: does the customer leave, go up a plan, or stay? Then when exactly."""
    plans = [(joined_on, pick(chance, _PLANS_AT_START))]
    month_begins = joined_on
    while month_begins < demo.last_day:
        plan = plans[-1][1]
        some_day = month_begins + timedelta(days=chance.randint(7, 29))
        luck = chance.random()
        if luck < _LEAVES_WITHIN_A_MONTH[plan]:
            # Who left before the window opens would only be a row without a life.
            if demo.first_day < some_day <= demo.last_day:
                return tuple(plans), some_day
        elif luck < _LEAVES_WITHIN_A_MONTH[plan] + _GOES_UP_WITHIN_A_MONTH[plan] and (
            some_day <= demo.last_day
        ):
            plans.append((some_day, PLAN_NAMES[PLAN_NAMES.index(plan) + 1]))
        month_begins += timedelta(days=30)
    return tuple(plans), None


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)
