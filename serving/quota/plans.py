"""The plans of users, remembered for a few seconds.

Belongs here: how long one is trusted. What a plan says belongs to `stores.postgres.plan_limits`.

A refusal is never made by an old plan: who has just paid for more gets it at once.
"""

import time
from collections.abc import Sequence
from uuid import UUID

from serving.ingest.grouping import Grouped
from stores.errors import TransientError
from stores.postgres.plan_limits import Plan, plans_of
from stores.postgres.pool import AsyncPool

REMEMBERED_SECONDS = 5.0
# To use something: a smaller plan may hold so much later, a greater one holds at once.
TRUSTED_SECONDS = 30.0
# While PostgreSQL is away reading goes on, and says so.
REMEMBERED_WHILE_AWAY_SECONDS = 900.0
_REMEMBERED_COUNT_LIMIT = 50_000
_GROUP_LIMIT = 200


class Plans:
    """One for the application."""

    def __init__(self, pool: AsyncPool) -> None:
        self._pool = pool
        self._known: dict[UUID, tuple[float, Plan | None]] = {}
        self._asking: Grouped[UUID, Plan | None] = Grouped(self._ask, lambda _: 1, _GROUP_LIMIT)

    async def of(self, user_id: UUID, at_most_seconds: float = REMEMBERED_SECONDS) -> Plan | None:
        """The user's plan as it was at most so long ago; None where there is no such user.

        Raises StoreUnavailable, StoreBusy.
        """
        asked_at, known = self._known.get(user_id, (-float("inf"), None))
        if known is not None and time.monotonic() - asked_at < at_most_seconds:
            return known
        return await self._asking.submit(user_id)

    async def remembered(self, user_id: UUID) -> tuple[Plan | None, bool]:
        """Like `of`, and while PostgreSQL is away an older one, and whether it is such."""
        try:
            return await self.of(user_id), False
        except TransientError:
            asked_at, known = self._known.get(user_id, (-float("inf"), None))
            if known is None or time.monotonic() - asked_at > REMEMBERED_WHILE_AWAY_SECONDS:
                raise
            return known, True

    async def _ask(self, user_ids: Sequence[UUID]) -> list[Plan | None]:
        asked_at = time.monotonic()
        async with self._pool.connection() as connection:
            found = await plans_of(connection, user_ids)
        if len(self._known) >= _REMEMBERED_COUNT_LIMIT:
            self._known.clear()
        # An unknown user may be made the next moment, and is not remembered.
        self._known |= {user_id: (asked_at, plan) for user_id, plan in found.items()}
        return [found.get(user_id) for user_id in user_ids]
