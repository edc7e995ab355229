"""Customers are held to their plan's rates: minute, hour and day at once, whatever races."""

import asyncio
import re
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from fix_quota import QuotaApi, new_customer
from hypothesis import given, settings
from hypothesis import strategies as st

from stores.redis_store import keys
from stores.redis_store.client import connect as connect_redis
from stores.redis_store.keys import RATE_LIMIT_SECONDS, RateWindow
from stores.redis_store.rate_limits import RateLimits, Window


def rates(**windows: int) -> dict[str, dict[str, int]]:
    """A plan's limits."""
    return {"rate_limits": windows}


def test_a_customer_may_ask_as_often_as_the_shortest_window_left_says(
    quota_api: QuotaApi, postgres_url: str, redis_url: str
) -> None:
    user = new_customer(postgres_url, rates(minute=3, hour=4, day=1000))
    tenant, path = quota_api.as_tenant(user), f"/v1/entitlements/{user}"
    answers = [tenant.ask("GET", path) for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 429]
    policy = '"minute";q=3;w=60, "hour";q=4;w=3600, "day";q=1000;w=86400'
    assert {headers["RateLimit-Policy"] for _, _, headers in answers} == {policy}
    left = [re.findall(r"r=(\d+)", headers["RateLimit"]) for _, _, headers in answers]
    assert left == [["2", "3", "999"], ["1", "2", "998"], ["0", "1", "997"], ["0", "1", "997"]]
    _, problem, headers = answers[3]
    assert problem["type"] == "/problems/rate-limited"
    assert 0 < int(headers["Retry-After"]) <= 60
    # Another endpoint has windows of its own; the keys are those that the architecture names.
    assert tenant.consume(user)[0] == 201
    counters = connect_redis(keys.Database.RATE_LIMITS, redis_url)
    endpoint = "GET:/v1/entitlements/{user_id}"
    assert counters.get(keys.rate_limit_key(user, endpoint)) == "3"
    # The next minute begins; the hour goes on, and a service's key is none of this.
    counters.delete(keys.rate_limit_key(user, endpoint))
    assert [tenant.ask("GET", path)[0] for _ in range(2)] == [200, 429]
    assert int(tenant.ask("GET", path)[2]["Retry-After"]) > 3000
    assert quota_api.ask("GET", path)[0] == 200


def test_requests_that_race_are_counted_one_by_one(quota_api: QuotaApi, postgres_url: str) -> None:
    user = new_customer(postgres_url, rates(minute=20))
    tenant = quota_api.as_tenant(user)
    with ThreadPoolExecutor(16) as clients:
        statuses = list(
            clients.map(lambda _: tenant.ask("GET", f"/v1/entitlements/{user}")[0], range(60))
        )
    assert Counter(statuses) == {200: 20, 429: 40}


@dataclass
class Model:
    """Fixed windows that end when Redis says so: what the script must do."""

    used: Counter[str] = field(default_factory=Counter)

    def ask(self, windows: list[Window]) -> bool:
        """Whether one more is allowed."""
        if any(self.used[window.key] >= window.limit for window in windows):
            return False
        for window in windows:
            self.used[window.key] += 1
        return True


STEPS = st.lists(
    st.one_of(
        st.lists(st.sampled_from("ab"), min_size=1, max_size=6),  # requests that come together
        st.sampled_from(list(RateWindow)),  # a window that ends
        st.just("flush"),
    ),
    max_size=12,
)


@given(STEPS, st.lists(st.integers(1, 5), min_size=3, max_size=3))
@settings(max_examples=60, deadline=None)
def check_against_the_model(url: str, steps: list[object], limits: list[int]) -> None:
    """Whatever is asked together, ends or is flushed."""
    names = {name: uuid.uuid4() for name in "ab"}

    def windows(name: str) -> list[Window]:
        found = []
        for window, limit in zip(RateWindow, limits, strict=True):
            key = keys.rate_limit_key(names[name], "GET:/x", window)
            found.append(Window(window.value, key, limit, RATE_LIMIT_SECONDS[window]))
        return found

    async def play() -> None:
        counters, model = RateLimits(url), Model()
        redis = connect_redis(keys.Database.RATE_LIMITS, url)
        for step in steps:
            if isinstance(step, RateWindow):
                for name in "ab":
                    ended = keys.rate_limit_key(names[name], "GET:/x", step)
                    redis.delete(ended)
                    model.used[ended] = 0
            elif isinstance(step, str):
                redis.flushdb()
                model.used.clear()
            elif isinstance(step, list):
                answers = await counters.count([windows(name) for name in step])
                for name, answer in zip(step, answers, strict=True):
                    assert answer.is_allowed == model.ask(windows(name))
                    left = [max(0, w.limit - model.used[w.key]) for w in windows(name)]
                    if name not in step[step.index(name) + 1 :]:
                        assert [each.left for each in answer.windows] == left
        await counters.close()
        redis.close()

    asyncio.run(play())


def test_windows_do_what_their_model_does(redis_url: str) -> None:
    check_against_the_model(redis_url)


@pytest.mark.parametrize("fails_open", [True, False])
def test_without_redis_requests_are_served_uncounted_or_refused_and_the_answer_says_so(
    postgres_url: str, redis_url: str, free_tcp_port: int, fails_open: bool
) -> None:
    from serving.problems import Problem
    from serving.quota.plans import Plans
    from serving.rate_limits import CustomerLimits
    from stores.postgres.pool import AsyncPool
    from stores.settings import Settings

    user: UUID = new_customer(postgres_url, {})
    chosen = Settings(rate_limits_fail_open=fails_open)

    async def ask() -> dict[str, str]:
        pool = AsyncPool(postgres_url)
        limits = CustomerLimits(
            RateLimits(f"redis://127.0.0.1:{free_tcp_port}"), Plans(pool), chosen
        )
        try:
            return await limits.admit(user, "GET:/x")
        finally:
            await limits.close()
            await pool.close()

    if fails_open:
        assert asyncio.run(ask())["RateLimit-Unavailable"] == "not counted right now"
    else:
        with pytest.raises(Problem) as refused:
            asyncio.run(ask())
        assert refused.value.status == 503
