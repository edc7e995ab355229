"""Sessions of the dashboards, and what becomes of them while PostgreSQL is away."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest

from serving.dashboards.sessions import Sessions
from serving.security import REMEMBERED_WHILE_AWAY_SECONDS
from stores.errors import StoreUnavailable
from stores.postgres.api_keys import ApiKey

KEY = ApiKey(UUID(int=7), "reader", frozenset({"usage:read"}), datetime.now(UTC), None, None)


class Memory:
    """A store of short-lived values that never forgets by itself."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def get(self, token: str) -> str | None:
        return self.values.get(token)

    def take(self, token: str) -> str | None:
        return self.values.pop(token, None)

    def put(self, token: str, value: str, seconds: int) -> None:
        assert seconds > 0
        self.values[token] = value

    def forget(self, token: str) -> None:
        self.values.pop(token, None)


class Keys:
    """What PostgreSQL says of the key; None where it was revoked."""

    def __init__(self) -> None:
        self.key: ApiKey | None = KEY
        self.is_away = False

    def __call__(self, identity: UUID) -> ApiKey | None:
        if self.is_away:
            raise StoreUnavailable("away")
        return self.key if identity == KEY.id else None


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def sessions(memory: Memory, keys: Keys) -> Sessions:
    return Sessions(memory, memory, keys)


def test_a_session_goes_on_while_postgres_is_away(sessions: Sessions, keys: Keys) -> None:
    token = sessions.open(KEY)
    keys.is_away = True
    assert sessions.is_open(token)


def test_but_not_for_ever(sessions: Sessions, keys: Keys, memory: Memory) -> None:
    """Else a key that was revoked before the outage would open the page all day."""
    token = sessions.open(KEY)
    [(name, value)] = memory.values.items()
    known = json.loads(value)
    known["checked_at"] -= REMEMBERED_WHILE_AWAY_SECONDS + 1
    memory.values[name] = json.dumps(known)
    keys.is_away = True
    assert not sessions.is_open(token)


def test_looking_at_pages_does_not_prolong_a_session(sessions: Sessions, memory: Memory) -> None:
    token = sessions.open(KEY)
    ends_at = json.loads(next(iter(memory.values.values())))["ends_at"]
    assert sessions.is_open(token)
    assert json.loads(next(iter(memory.values.values())))["ends_at"] == ends_at


def test_a_revoked_key_ends_the_session_and_its_links(
    sessions: Sessions, keys: Keys, memory: Memory
) -> None:
    token, link = sessions.open(KEY), sessions.make_link_token(KEY)
    keys.key = None
    assert not sessions.is_open(token)
    assert sessions.open_by_link(link) is None
    assert memory.values == {}


def test_a_token_made_for_another_purpose_opens_nothing(sessions: Sessions, memory: Memory) -> None:
    link = sessions.make_link_token(KEY)
    [(name, value)] = memory.values.items()
    memory.values[name] = value.replace("dashboard_login", "email_verification")
    assert sessions.open_by_link(link) is None
