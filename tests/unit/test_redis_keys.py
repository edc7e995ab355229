"""The keys of Redis are those of the platform's data architecture."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from stores.redis_store import keys
from stores.redis_store.client import at_database
from stores.redis_store.keys import Database, RateWindow

USER = UUID("6f0c0d6e-0000-4000-8000-000000000001")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_every_key_has_the_name_that_the_architecture_gives_it() -> None:
    assert keys.session_key(USER) == f"user:session:{USER}"
    assert keys.interview_key(USER) == f"interview:{USER}"
    assert keys.rate_limit_key(USER, "/v1/events") == f"rate_limit:api:{USER}:/v1/events"
    assert keys.usage_key(USER, "interviews", NOON) == f"usage:{USER}:interviews:2026-11"
    assert keys.temporary_token_key("abc") == "temp_token:abc"


def test_every_key_lives_as_long_as_the_architecture_says() -> None:
    assert timedelta(seconds=keys.SESSION_SECONDS) == timedelta(days=30)
    assert timedelta(seconds=keys.INTERVIEW_SECONDS) == timedelta(hours=1)
    assert timedelta(seconds=keys.TEMPORARY_TOKEN_SECONDS) == timedelta(hours=24)
    windows = [keys.RATE_LIMIT_SECONDS[window] for window in RateWindow]
    assert windows == [60, 3600, 86400]


def test_windows_of_a_rate_do_not_share_a_counter() -> None:
    assert len({keys.rate_limit_key(USER, "/x", window) for window in RateWindow}) == 3


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        (NOON, datetime(2026, 12, 1, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2028, 1, 31, tzinfo=UTC), datetime(2028, 2, 1, tzinfo=UTC)),
    ],
)
def test_a_usage_counter_ends_with_its_month(moment: datetime, end: datetime) -> None:
    assert keys.usage_expires_at(moment) == end


def test_a_month_is_one_of_utc_wherever_the_clock_is() -> None:
    moscow = timezone(timedelta(hours=3))
    moment = datetime(2026, 12, 1, 1, tzinfo=moscow)
    assert keys.usage_key(USER, "analysis", moment).endswith(":2026-11")
    assert keys.usage_expires_at(moment) == datetime(2026, 12, 1, tzinfo=UTC)


def test_each_kind_of_value_has_its_database() -> None:
    assert [database.value for database in Database] == [0, 1, 2, 3]
    url = "redis://:secret@127.0.0.1:16379"
    assert at_database(url, Database.CACHE) == f"{url}/1"
    assert at_database(f"{url}/0", Database.TEMPORARY_TOKENS) == f"{url}/3"
