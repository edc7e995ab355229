"""How often a customer may ask: by minute, hour and day at once, endpoint by endpoint, by plan.

Belongs here: which windows hold for whom, and the headers and the refusal that tell of them.
Counting is in `stores.redis_store.rate_limits`.

A service's key has the limits of its own that `serving.ingest.intake` counts. What acts for one
customer, a signed-in user or a key bound to one, shares that customer's windows.
"""

import math
from collections.abc import Mapping, Sequence
from uuid import UUID

from fastapi import FastAPI, Request

from serving.ingest.grouping import Grouped
from serving.problems import Problem, unavailable
from serving.quota import desk as quota_desk
from serving.quota.plans import Plans
from stores.errors import TransientError
from stores.redis_store.keys import RATE_LIMIT_SECONDS, RateWindow, rate_limit_key
from stores.redis_store.rate_limits import Counted, RateLimits, Window
from stores.settings import Settings, load_settings

_GROUP_LIMIT = 200


class CustomerLimits:
    """One for the application."""

    def __init__(self, counters: RateLimits, plans: Plans, settings: Settings) -> None:
        self._counters = counters
        self._plans = plans
        self._fails_open = settings.rate_limits_fail_open
        self._defaults = {
            RateWindow.MINUTE: settings.api_user_requests_per_minute,
            RateWindow.HOUR: settings.api_user_requests_per_hour,
            RateWindow.DAY: settings.api_user_requests_per_day,
        }
        self._counting: Grouped[Sequence[Window], Counted] = Grouped(
            counters.count, lambda _: 1, _GROUP_LIMIT
        )

    async def admit(self, user_id: UUID, endpoint: str) -> dict[str, str]:
        """Count a request of a customer; the headers that say what is left. Raises Problem 429,
        and 503 where Redis is away and the settings want nothing uncounted."""
        rates = await self._rates(user_id)
        counted = await self._counting.submit(
            [
                Window(
                    window.value,
                    rate_limit_key(user_id, endpoint, window),
                    rates[window],
                    RATE_LIMIT_SECONDS[window],
                )
                for window in RateWindow
            ]
        )
        headers = _headers(counted)
        if not counted.is_counted and not self._fails_open:
            raise unavailable("Requests cannot be counted right now; try again.")
        if not counted.is_allowed:
            raise _too_many(counted, headers)
        return headers

    async def _rates(self, user_id: UUID) -> Mapping[RateWindow, int]:
        """The plan's, and where it or PostgreSQL says nothing those of the settings."""
        try:
            plan, _ = await self._plans.remembered(user_id)
        except TransientError:
            plan = None
        return self._defaults | dict(plan.rates) if plan else self._defaults

    async def close(self) -> None:
        """Give the connections back."""
        await self._counting.drain()
        await self._counters.close()


def endpoint_name(request: Request) -> str:
    """The route's template: an endpoint is one, whatever ids are asked for."""
    route = request.scope.get("route")
    return f"{request.method}:{getattr(route, 'path', request.url.path)}"


def of_application(request: Request) -> CustomerLimits:
    """The application's, made when it is first needed."""
    state = request.app.state
    if not hasattr(state, "customer_limits"):
        plans = quota_desk.desk_of(request.app).plans
        state.customer_limits = CustomerLimits(RateLimits(), plans, load_settings())
    return state.customer_limits  # type: ignore[no-any-return]  # state is untyped


async def close_of_application(app: FastAPI) -> None:
    """Close what was made."""
    made: CustomerLimits | None = getattr(app.state, "customer_limits", None)
    if made is not None:
        await made.close()


def _headers(counted: Counted) -> dict[str, str]:
    """Those of the IETF draft "RateLimit header fields", a policy for each window."""
    windows = [each.window for each in counted.windows]
    policy = ", ".join(f'"{each.name}";q={each.limit};w={each.seconds}' for each in windows)
    if not counted.is_counted:
        return {"RateLimit-Policy": policy, "RateLimit-Unavailable": "not counted right now"}
    state = ", ".join(
        f'"{each.window.name}";r={each.left};t={math.ceil(each.seconds)}'
        for each in counted.windows
    )
    return {"RateLimit-Policy": policy, "RateLimit": state}


def _too_many(counted: Counted, headers: dict[str, str]) -> Problem:
    full = [each for each in counted.windows if each.left < 1]
    wait = max(1, math.ceil(max(each.seconds for each in full)))
    names = " and ".join(each.window.name for each in full)
    return Problem(
        429,
        f"This customer has asked this as often as it may in this {names}; try again in {wait} s.",
        headers | {"Retry-After": str(wait)},
    )
