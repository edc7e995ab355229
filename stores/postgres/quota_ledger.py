"""The ledger of quotas: who used how much, exactly once, and what is reserved.

Belongs here: its statements. It is the truth; the counters in Redis (`stores.redis_store.quota`)
only decide quickly, and are counted anew from here whenever there is doubt.

An operation is recorded under the epoch in which its counter admitted it. Counting anew raises
the epoch first, under the lock of the counter's row, which every recording shares: so either the
count has seen a recording, or the recording is refused as stale and asks the counter again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Literal
from uuid import UUID

from stores.postgres.pool import AsyncConnection
from stores.redis_store.quota import Period

# All that came together: one statement, one sync of the log. The month's own row is locked in
# share mode, so recordings do not wait for each other.
_RECORDED = """
WITH asked AS (
    SELECT * FROM unnest(
        %(id)s::uuid[], %(user_id)s::uuid[], %(subscription_id)s::uuid[],
        %(resource)s::text[], %(amount)s::int[], %(date)s::date[], %(epoch)s::bigint[]
    ) AS t (id, user_id, subscription_id, resource_type, amount, date, epoch)
), fenced AS (
    SELECT asked.* FROM asked
    JOIN platform.quota_counters AS counters
        ON counters.user_id = asked.user_id AND counters.resource_type = asked.resource_type
        AND counters.month = date_trunc('month', asked.date)::date
        AND counters.epoch = asked.epoch
    FOR SHARE OF counters
), recorded AS (
    INSERT INTO usage_tracking
        (id, user_id, subscription_id, resource_type, count, date, reset_date, metadata)
    SELECT id, user_id, subscription_id, resource_type, amount, date,
        (date_trunc('month', date) + interval '1 month')::date, '{"source": "quota"}'
    FROM fenced
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)"""
_RECORD = f"{_RECORDED} SELECT id FROM recorded"
# Few cross a threshold; the others are spared the work for it.
_RECORD_AND_NOTICE = f"""{_RECORDED}, noticed AS (
    INSERT INTO platform.quota_notices
        (user_id, resource_type, month, threshold_percent, used_count, limit_count, plan_name)
    SELECT asked.user_id, asked.resource_type, date_trunc('month', asked.date)::date,
        n.threshold, n.used, n.limit_count, n.plan_name
    FROM unnest(
        %(notice_id)s::uuid[], %(threshold)s::smallint[], %(used)s::bigint[],
        %(limit)s::bigint[], %(plan)s::text[]
    ) AS n (id, threshold, used, limit_count, plan_name)
    JOIN asked ON asked.id = n.id
    JOIN recorded ON recorded.id = n.id
    ON CONFLICT DO NOTHING
)
SELECT id FROM recorded
"""
_FIND_USED = """
SELECT id, user_id, resource_type, count, date FROM usage_tracking WHERE id = ANY(%s)
"""
_RESERVATION = (
    "id, user_id, resource_type, amount, committed_amount, date, ttl_seconds, created_at,"
    " expires_at,"
    " CASE WHEN state = 'held' AND expires_at <= now() THEN expires_at ELSE settled_at END,"
    " CASE WHEN state = 'held' AND expires_at <= now() THEN 'expired' ELSE state END"
)
_RESERVE = f"""
WITH fenced AS (
    SELECT counters.epoch FROM platform.quota_counters AS counters
    WHERE counters.user_id = %(user_id)s AND counters.resource_type = %(resource)s
        AND counters.month = %(month)s AND counters.epoch = %(epoch)s
    FOR SHARE
)
INSERT INTO platform.quota_reservations
    (id, user_id, subscription_id, resource_type, date, amount, ttl_seconds, expires_at)
SELECT %(id)s, %(user_id)s, %(subscription_id)s, %(resource)s, %(date)s, %(amount)s,
    %(ttl_seconds)s, now() + make_interval(secs => %(ttl_seconds)s)
FROM fenced
ON CONFLICT (id) DO NOTHING
RETURNING {_RESERVATION}
"""
_LOCK_COUNTER = """
SELECT counters.epoch FROM platform.quota_reservations AS reserved
JOIN platform.quota_counters AS counters
    ON counters.user_id = reserved.user_id AND counters.resource_type = reserved.resource_type
    AND counters.month = date_trunc('month', reserved.date)::date
WHERE reserved.id = %s
FOR SHARE OF counters
"""
_COMMIT = f"""
WITH ended AS (
    UPDATE platform.quota_reservations
    SET state = 'committed', committed_amount = %(amount)s, settled_at = now()
    WHERE id = %(id)s AND state = 'held' AND expires_at > now() AND amount >= %(amount)s
    RETURNING *
), recorded AS (
    INSERT INTO usage_tracking
        (id, user_id, subscription_id, resource_type, count, date, reset_date, metadata)
    SELECT id, user_id, subscription_id, resource_type, committed_amount, date,
        (date_trunc('month', date) + interval '1 month')::date,
        '{{"source": "quota_reservation"}}'
    FROM ended
)
SELECT {_RESERVATION} FROM ended
"""
_RELEASE = f"""
UPDATE platform.quota_reservations SET state = 'released', settled_at = now()
WHERE id = %(id)s AND state = 'held' AND expires_at > now()
RETURNING {_RESERVATION}
"""
_NEXT_EPOCH = """
INSERT INTO platform.quota_counters (user_id, resource_type, month) VALUES (%s, %s, %s)
ON CONFLICT (user_id, resource_type, month)
DO UPDATE SET epoch = quota_counters.epoch + 1, counted_at = now()
RETURNING epoch
"""
_EXPIRE = """
UPDATE platform.quota_reservations SET state = 'expired', settled_at = expires_at
WHERE user_id = %s AND resource_type = %s AND date >= %s AND date < %s
    AND state = 'held' AND expires_at <= now()
"""
_USED = """
SELECT coalesce(sum(count), 0)::bigint FROM usage_tracking
WHERE user_id = %s AND resource_type = %s AND date >= %s AND date < %s
"""
_HELD = """
SELECT id, amount, expires_at FROM platform.quota_reservations
WHERE user_id = %s AND resource_type = %s AND date >= %s AND date < %s
    AND state = 'held' AND expires_at > now()
"""
_NOTICE = """
INSERT INTO platform.quota_notices
    (user_id, resource_type, month, threshold_percent, used_count, limit_count, plan_name)
SELECT %(user_id)s, %(resource)s, %(month)s, threshold, %(used)s, %(limit)s, %(plan)s
FROM unnest(%(thresholds)s::smallint[]) AS threshold
ON CONFLICT DO NOTHING
"""
THRESHOLDS = (50, 80, 100)


class Refusal(Enum):
    """Why an operation was not recorded."""

    STALE = "its counter was counted anew since it was admitted"


@dataclass(frozen=True)
class Entry:
    """A consumption to record. `epoch` None: unchecked, whatever the counter says.

    The other fields are for the notices that it causes.
    """

    id: UUID
    user_id: UUID
    subscription_id: UUID | None
    resource: str
    amount: int
    date: date
    epoch: int
    used: int = 0
    limit: int | None = None
    plan_name: str | None = None


@dataclass(frozen=True)
class Used:
    """What the ledger has under an operation's id. `is_new` where it was recorded just now."""

    id: UUID
    user_id: UUID
    resource: str
    amount: int
    date: date
    is_new: bool = False


@dataclass(frozen=True)
class Reservation:
    """A reservation as the ledger has it now."""

    id: UUID
    user_id: UUID
    resource: str
    amount: int
    committed_amount: int | None
    date: date
    ttl_seconds: int
    created_at: datetime
    expires_at: datetime
    settled_at: datetime | None
    state: Literal["held", "committed", "released", "expired"]

    @property
    def period(self) -> Period:
        """The counter that it counts in."""
        return Period(self.user_id, self.resource, self.date.replace(day=1))


@dataclass(frozen=True)
class NewReservation:
    """A reservation to record."""

    id: UUID
    user_id: UUID
    subscription_id: UUID | None
    resource: str
    amount: int
    date: date
    ttl_seconds: int


@dataclass(frozen=True)
class Count:
    """A counter, counted from the ledger."""

    epoch: int
    used: int
    held: list[tuple[UUID, int, datetime]]


def crossed(before: int, after: int, limit: int | None) -> list[int]:
    """The thresholds that lie between: of a limit of 10, using the fifth crosses 50."""
    if not limit:
        return []
    return [percent for percent in THRESHOLDS if before * 100 < limit * percent <= after * 100]


async def record(connection: AsyncConnection, entries: Sequence[Entry]) -> list[Used | Refusal]:
    """Record consumptions, each once by its id, in one statement."""
    notices = [
        (entry, threshold)
        for entry in entries
        for threshold in crossed(entry.used - entry.amount, entry.used, entry.limit)
    ]
    found = await connection.execute(
        _RECORD_AND_NOTICE if notices else _RECORD,
        {
            "id": [entry.id for entry in entries],
            "user_id": [entry.user_id for entry in entries],
            "subscription_id": [entry.subscription_id for entry in entries],
            "resource": [entry.resource for entry in entries],
            "amount": [entry.amount for entry in entries],
            "date": [entry.date for entry in entries],
            "epoch": [entry.epoch for entry in entries],
            # Those that the statement does not name are not sent.
            "notice_id": [entry.id for entry, _ in notices],
            "threshold": [threshold for _, threshold in notices],
            "used": [entry.used for entry, _ in notices],
            "limit": [entry.limit for entry, _ in notices],
            "plan": [entry.plan_name or "" for entry, _ in notices],
        },
    )
    new = {row[0] for row in await found.fetchall()}
    # The same operation twice in one statement is inserted once: the second of them is a repeat.
    answers: list[Used | Refusal] = []
    missing = [entry.id for entry in entries if entry.id not in new]
    known = await used_by(connection, missing) if len(new) < len(entries) else {}
    for entry in entries:
        if entry.id in new:
            new.discard(entry.id)
            answers.append(
                Used(entry.id, entry.user_id, entry.resource, entry.amount, entry.date, True)
            )
            known[entry.id] = Used(
                entry.id, entry.user_id, entry.resource, entry.amount, entry.date
            )
        else:
            answers.append(known.get(entry.id, Refusal.STALE))
    return answers


async def record_unchecked(connection: AsyncConnection, entry: Entry) -> Used | Refusal:
    """Record what no counter admitted. The counter is lost by that: its next epoch is begun."""
    async with connection.transaction():
        period = Period(entry.user_id, entry.resource, entry.date.replace(day=1))
        epoch = await _next_epoch(connection, period)
        [answer] = await record(connection, [_under(entry, epoch)])
    return answer


def _under(entry: Entry, epoch: int) -> Entry:
    return Entry(
        entry.id,
        entry.user_id,
        entry.subscription_id,
        entry.resource,
        entry.amount,
        entry.date,
        epoch,
    )


async def used_by(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Used]:
    """What the ledger has under these ids."""
    found = await connection.execute(_FIND_USED, [list(ids)])
    return {row[0]: Used(*row) for row in await found.fetchall()}


async def reserve(
    connection: AsyncConnection, wanted: NewReservation, epoch: int
) -> tuple[Reservation | Refusal, bool]:
    """Record a reservation once by its id; and whether it is new."""
    found = await connection.execute(
        _RESERVE,
        {
            "id": wanted.id,
            "user_id": wanted.user_id,
            "subscription_id": wanted.subscription_id,
            "resource": wanted.resource,
            "amount": wanted.amount,
            "date": wanted.date,
            "month": wanted.date.replace(day=1),
            "ttl_seconds": wanted.ttl_seconds,
            "epoch": epoch,
        },
    )
    if row := await found.fetchone():
        return Reservation(*row), True
    return await reservation(connection, wanted.id) or Refusal.STALE, False


async def reservation(connection: AsyncConnection, identity: UUID) -> Reservation | None:
    """A reservation as it is now; one whose time is over is expired, whether noted or not."""
    found = await connection.execute(
        f"SELECT {_RESERVATION} FROM platform.quota_reservations WHERE id = %s", [identity]
    )
    row = await found.fetchone()
    return Reservation(*row) if row else None


async def end_reservation(
    connection: AsyncConnection, identity: UUID, amount: int | None
) -> tuple[Reservation | None, int]:
    """Commit to `amount`, or release where it is None, and the epoch in which that was done.

    None where it cannot be ended so: see what it is by `reservation`.
    """
    async with connection.transaction():
        locked = await (await connection.execute(_LOCK_COUNTER, [identity])).fetchone()
        found = await connection.execute(
            _RELEASE if amount is None else _COMMIT, {"id": identity, "amount": amount}
        )
        row = await found.fetchone()
    return Reservation(*row) if row else None, locked[0] if locked else 0


async def count(connection: AsyncConnection, period: Period) -> Count:
    """Begin the counter's next epoch, and count what was recorded in all epochs before."""
    async with connection.transaction():
        epoch = await _next_epoch(connection, period)
        # A statement of its own each, so that it sees what committed before the lock was got.
        await connection.execute(_EXPIRE, _within(period))
        used, held = await standing(connection, period)
    return Count(epoch, used, held)


async def standing(
    connection: AsyncConnection, period: Period
) -> tuple[int, list[tuple[UUID, int, datetime]]]:
    """What is used and held right now, without beginning an epoch."""
    used = await (await connection.execute(_USED, _within(period))).fetchone()
    held = await (await connection.execute(_HELD, _within(period))).fetchall()
    return used[0] if used else 0, [(row[0], row[1], row[2]) for row in held]


async def notice(
    connection: AsyncConnection,
    period: Period,
    thresholds: Sequence[int],
    *,
    used: int,
    limit: int,
    plan_name: str | None,
) -> None:
    """Note thresholds as reached, each once."""
    await connection.execute(
        _NOTICE,
        {
            "user_id": period.user_id,
            "resource": period.resource,
            "month": period.month,
            "thresholds": list(thresholds),
            "used": used,
            "limit": limit,
            "plan": plan_name or "",
        },
    )


async def _next_epoch(connection: AsyncConnection, period: Period) -> int:
    found = await connection.execute(_NEXT_EPOCH, [period.user_id, period.resource, period.month])
    row = await found.fetchone()
    assert row is not None  # noqa: S101  the statement returns the row it writes
    return int(row[0])


def _within(period: Period) -> list[object]:
    month = period.month
    return [period.user_id, period.resource, month, (month + timedelta(days=32)).replace(day=1)]
