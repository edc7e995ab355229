"""Keys are remembered: what is in use is looked up again, but nobody waits for that."""

import asyncio
import threading
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from fix_stack import until

from serving import security
from stores.errors import StoreUnavailable
from stores.postgres.api_keys import ApiKey

SECONDS_LIMIT = 10


class Ledger:
    """What PostgreSQL would say, and how often it was asked."""

    def __init__(self) -> None:
        self.asked_count = 0
        self.answers = threading.Event()
        self.answers.set()
        self.key: ApiKey | None = ApiKey(
            uuid4(), "a service", frozenset({"usage:read"}), datetime.now(UTC), None, None
        )
        self.is_away = False

    def verify(self, _: str) -> ApiKey | None:
        """As `Keyring` asks, in a thread."""
        self.asked_count += 1
        assert self.answers.wait(SECONDS_LIMIT)
        if self.is_away:
            raise StoreUnavailable("away")
        return self.key

    async def asked(self, count: int) -> None:
        """Until it was asked so often."""
        await until(lambda: self.asked_count >= count)


def test_many_who_come_with_an_unknown_key_share_one_lookup() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.answers.clear()
        keyring = security.Keyring(ledger.verify)
        asking = [asyncio.create_task(keyring.check("idp_a")) for _ in range(50)]
        await ledger.asked(1)
        ledger.answers.set()
        found = await asyncio.gather(*asking)
        assert {each.name for each in found if each} == {"a service"}
        assert ledger.asked_count == 1

    asyncio.run(scenario())


def test_who_goes_away_takes_no_answer_from_the_others() -> None:
    async def scenario() -> None:
        ledger = Ledger()
        ledger.answers.clear()
        keyring = security.Keyring(ledger.verify)
        first = asyncio.create_task(keyring.check("idp_a"))
        await ledger.asked(1)
        second = asyncio.create_task(keyring.check("idp_a"))
        await asyncio.sleep(0)
        first.cancel()
        ledger.answers.set()
        assert await second is not None
        assert ledger.asked_count == 1

    asyncio.run(scenario())


def test_a_key_in_use_is_looked_up_again_while_requests_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scenario() -> None:
        ledger = Ledger()
        keyring = security.Keyring(ledger.verify)
        assert await keyring.check("idp_a") is not None
        monkeypatch.setattr(security, "REFRESHED_SECONDS", 0.0)
        ledger.answers.clear()
        for _ in range(5):
            assert await asyncio.wait_for(keyring.check("idp_a"), 1) is not None
        await ledger.asked(2)
        assert ledger.asked_count == 2
        # It was revoked meanwhile; the answer to that lookup says so.
        ledger.key = None
        ledger.answers.set()
        await until(lambda: not keyring.is_looking_up)
        assert await keyring.check("idp_a") is None

    asyncio.run(scenario())


def test_a_lookup_ahead_that_fails_is_nobodys_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        ledger = Ledger()
        keyring = security.Keyring(ledger.verify)
        assert await keyring.check("idp_a") is not None
        monkeypatch.setattr(security, "REFRESHED_SECONDS", 0.0)
        ledger.is_away = True
        assert await keyring.check("idp_a") is not None
        await ledger.asked(2)
        monkeypatch.setattr(security, "REMEMBERED_SECONDS", 0.0)
        assert await keyring.check("idp_a") is not None, "known lately, while PostgreSQL is away"
        monkeypatch.setattr(security, "REMEMBERED_WHILE_AWAY_SECONDS", 0.0)
        with pytest.raises(StoreUnavailable):
            await keyring.check("idp_a")

    asyncio.run(scenario())
