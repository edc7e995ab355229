"""The order of steps: the counter decides, the ledger records, the counter is told.

Belongs here: that order, and what is done where a store is away or a counter is lost.

1. The counter in Redis admits an operation, if there is room, and holds it.
2. The ledger records it, once by its id, if no newer count of the counter has begun.
3. The counter is told. What dies between two steps leaves a hold without a name: when that is
   overdue, the counter is counted anew from the ledger, which has the operation or has it not.

Nothing is ever refused or answered on the word of a counter that may be behind the ledger.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal
from uuid import UUID

from fastapi import FastAPI, Request

from serving.database import pool_of
from serving.ingest.grouping import Grouped
from serving.queries.warehouse import Warehouse
from serving.queries.warehouse import pool_of as warehouse_of
from serving.quota import refusals
from serving.quota.plans import TRUSTED_SECONDS, Plans
from stores.errors import StoreBusy, StoreUnavailable, TransientError
from stores.postgres import quota_ledger
from stores.postgres.plan_limits import Limit, Plan
from stores.postgres.pool import AsyncPool
from stores.postgres.quota_ledger import Entry, NewReservation, Refusal, Reservation, Used
from stores.redis_store.quota import (
    UNLIMITED,
    Ask,
    Outcome,
    Period,
    QuotaCounters,
    Settle,
    Settlement,
    Told,
    consumption_hold,
    milliseconds,
    reservation_hold,
)
from stores.settings import Settings, load_settings

logger = logging.getLogger(__name__)

# Each attempt follows a count that others have begun meanwhile; more than a few are a fault.
ATTEMPTS = 8
# The same operation sent twice at a time is waited for, for a second.
WAITS = 20
WAIT_SECONDS = 0.05
# A request waits for it, and goes on without where it only asks.
EVENTS_SECONDS_LIMIT = 2
# Of a recording's statement. More would keep a lock for longer, and gain nothing.
RECORD_LIMIT = 100
ADMIT_LIMIT = 200
# While one is synced to the disk the next one is sent; more at a time are smaller, and cost more.
RECORDS_AT_A_TIME = 2
# What the ledger has need not be told at once: whoever asks meanwhile is answered right.
SETTLE_SECONDS = 0.05
_REPORT_SECONDS = 30.0


@dataclass(frozen=True)
class Standing:
    """A resource of a user in a month: what is allowed, used and reserved.

    `source`: the counter in Redis, or the ledger where that cannot be asked. `is_enforced` False:
    nobody asked whether it fits. `is_complete` False: events that count too are not in it.
    """

    period: Period
    plan: Plan
    limit: Limit
    used: int
    reserved: int
    counted_at: datetime
    source: Literal["counter", "ledger"] = "counter"
    is_enforced: bool = True
    is_complete: bool = True

    @property
    def remaining(self) -> int | None:
        """What is left of the limit; the grace beyond a soft one is not counted as left."""
        return _left(self.limit.limit, self.used + self.reserved)

    @property
    def is_over_limit(self) -> bool:
        """Whether more was used than the limit."""
        return self.limit.limit is not None and self.used > self.limit.limit


def _left(limit: int | None, taken: int) -> int | None:
    return None if limit is None else max(0, limit - taken)


@dataclass(frozen=True)
class Operation:
    """What one asks for, under an id made of who asks and the key that they gave."""

    id: UUID
    user_id: UUID
    resource: str
    amount: int


class QuotaDesk:
    """One for the application. Raises Problem, StoreUnavailable and StoreBusy."""

    def __init__(
        self, pool: AsyncPool, counters: QuotaCounters, warehouse: Warehouse, settings: Settings
    ) -> None:
        self.plans = Plans(pool)
        self._pool = pool
        self._counters = counters
        self._warehouse = warehouse
        self._settings = settings
        self._admitting: Grouped[Ask, Told] = Grouped(counters.admit, lambda _: 1, ADMIT_LIMIT, 1)
        self._recording: Grouped[Entry, Used | Refusal] = Grouped(
            self._record, lambda _: 1, RECORD_LIMIT, RECORDS_AT_A_TIME
        )
        self._finding: Grouped[UUID, Used | None] = Grouped(self._find, lambda _: 1, RECORD_LIMIT)
        self._to_settle: list[Settle] = []
        self._settling: asyncio.Task[None] | None = None
        self._counting: dict[Period, asyncio.Task[None]] = {}
        self._warned_at = -_REPORT_SECONDS

    async def consume(self, wanted: Operation) -> tuple[Standing, Used]:
        """Use an amount now, once by the operation's id."""
        plan, hold = await self._plan(wanted.user_id), consumption_hold(wanted.id)
        stale_epoch = 0
        for _ in range(ATTEMPTS):
            today = datetime.now(UTC).date()
            period = Period(wanted.user_id, wanted.resource, today.replace(day=1))
            try:
                told, plan = await self._admit(period, plan, wanted, hold, stale_epoch)
            except StoreUnavailable:
                return await self._unchecked(wanted, plan, period, today)
            if told is None:
                return await self._again(wanted, plan, period)
            limit = plan.limit_of(wanted.resource)
            recorded = await self._recording.submit(
                Entry(
                    wanted.id,
                    wanted.user_id,
                    plan.subscription_id,
                    wanted.resource,
                    wanted.amount,
                    today,
                    told.epoch,
                    told.used,
                    limit.limit,
                    plan.name,
                )
            )
            if isinstance(recorded, Refusal):
                stale_epoch = told.epoch
                continue
            if not recorded.is_new:
                # Until the counter is told it is too high, and somebody might be refused for it.
                dropped = Settle(period, Settlement.DROPPED, hold, wanted.amount, told.epoch)
                await self._settle_now(dropped)
                return await self._again(wanted, plan, period, recorded)
            self._settle_later(Settle(period, Settlement.RECORDED, hold, wanted.amount, told.epoch))
            return _standing(period, plan, told), recorded
        raise StoreBusy("the quota's counter is counted anew again and again; try again")

    async def reserve(
        self, wanted: Operation, ttl_seconds: int | None
    ) -> tuple[Standing, Reservation, bool]:
        """Hold an amount for a while, once by the operation's id; and whether it is new."""
        plan, hold = await self._plan(wanted.user_id), reservation_hold(wanted.id)
        stale_epoch = 0
        for _ in range(ATTEMPTS):
            today = datetime.now(UTC).date()
            period = Period(wanted.user_id, wanted.resource, today.replace(day=1))
            new = NewReservation(
                wanted.id,
                wanted.user_id,
                plan.subscription_id,
                wanted.resource,
                wanted.amount,
                today,
                ttl_seconds or self._settings.quota_reservation_seconds,
            )
            # While Redis is away nothing is reserved, for nothing would keep it free.
            told, plan = await self._admit(period, plan, wanted, hold, stale_epoch)
            if told is None:
                earlier = await self.reservation(wanted.id)
                return await self._same(earlier, new), earlier, False
            async with self._pool.connection() as connection:
                found, is_new = await quota_ledger.reserve(connection, new, told.epoch)
            if isinstance(found, Refusal):
                stale_epoch = told.epoch
                continue
            what = Settlement.EXTENDED if is_new else Settlement.FREED
            until = milliseconds(found.expires_at)
            await self._settle_now(
                Settle(period, what, hold, wanted.amount, told.epoch, until if is_new else 0)
            )
            if not is_new:
                return await self._same(found, new), found, False
            return _standing(period, plan, told), found, True
        raise StoreBusy("the quota's counter is counted anew again and again; try again")

    async def reservation(self, identity: UUID) -> Reservation:
        """A reservation as it is now. Raises Problem 404."""
        async with self._pool.connection() as connection:
            found = await quota_ledger.reservation(connection, identity)
        if found is None:
            raise refusals.no_reservation()
        return found

    async def end(self, identity: UUID, amount: int | None) -> Reservation:
        """Commit a reservation to `amount`, or release it where that is None.

        The same said again answers the same; what contradicts it is a Problem 409.
        """
        async with self._pool.connection() as connection:
            ended, epoch = await quota_ledger.end_reservation(connection, identity, amount)
        if ended is None:
            found = await self.reservation(identity)
            if found.state == "held" and found.amount >= (amount or 0):
                # It was made between the two statements.
                return await self.end(identity, amount)
            refusals.check_ended_so(found, amount)
            return found
        used = await self._settle_now(
            Settle(
                ended.period,
                Settlement.ENDED,
                reservation_hold(identity),
                ended.amount,
                epoch,
                amount or 0,
            )
        )
        if amount and used is not None:
            await self._notice_commit(ended, used, amount)
        return ended

    async def standings(
        self, user_id: UUID, resources: Sequence[str]
    ) -> tuple[list[Standing], bool]:
        """Where a user stands this month, and whether the plan is only remembered."""
        plan, is_remembered = await self.plans.remembered(user_id)
        if plan is None:
            raise refusals.no_user()
        month = datetime.now(UTC).date().replace(day=1)
        periods = [Period(user_id, resource, month) for resource in resources]
        return list(
            await asyncio.gather(*(self.standing(period, plan) for period in periods))
        ), is_remembered

    async def standing(self, period: Period, plan: Plan) -> Standing:
        """Where a user stands; from the ledger where Redis is away."""
        try:
            for _ in range(ATTEMPTS):
                told = await self._admitting.submit(Ask(period))
                if told.outcome is not Outcome.LOST:
                    return _standing(period, plan, told)
                await self._count(period, plan)
        except TransientError:
            return await self._standing_in_ledger(period, plan)
        raise StoreBusy("the quota's counter is counted anew again and again; try again")

    async def close(self) -> None:
        """Let what is under way end."""
        await self._recording.drain()
        if self._settling is not None:
            await asyncio.wait([self._settling])
        await self._counters.close()

    async def _plan(self, user_id: UUID) -> Plan:
        plan = await self.plans.of(user_id, TRUSTED_SECONDS)
        if plan is None:
            raise refusals.no_user()
        return plan

    async def _admit(
        self, period: Period, plan: Plan, wanted: Operation, hold: str, stale_epoch: int
    ) -> tuple[Told | None, Plan]:
        """The counter's answer, by the plan that it was decided by.

        None where the operation was refused but is known to the ledger. Raises Problem 409.
        """
        is_plan_new, waits = False, 0
        for _ in range(ATTEMPTS + WAITS):
            cap = plan.limit_of(wanted.resource).cap
            told = await self._admitting.submit(
                Ask(period, hold, wanted.amount, UNLIMITED if cap is None else cap, stale_epoch)
            )
            if told.outcome is Outcome.ADMITTED:
                return told, plan
            if told.outcome is Outcome.LOST:
                await self._count(period, plan)
                continue
            if await self._is_known(wanted, hold):
                return None, plan
            if told.outcome is Outcome.UNDER_WAY:
                waits += 1
                if waits >= WAITS:
                    break
                await asyncio.sleep(WAIT_SECONDS)
                # Its hold may be gone by now: asked again, the counter would take it for a new one.
                if await self._is_known(wanted, hold):
                    return None, plan
                continue
            newest = plan if is_plan_new else await self.plans.of(wanted.user_id, 0)
            if newest is None:
                raise refusals.no_user()
            if newest.limit_of(wanted.resource).cap == cap:
                raise refusals.exceeded(_standing(period, newest, told), wanted.amount)
            plan, is_plan_new = newest, True
        raise refusals.under_way()

    async def _is_known(self, wanted: Operation, hold: str) -> bool:
        """Whether what was refused now was done before: then it is answered as it was then."""
        if hold.startswith("c:"):
            return await self._finding.submit(wanted.id) is not None
        async with self._pool.connection() as connection:
            return await quota_ledger.reservation(connection, wanted.id) is not None

    async def _again(
        self, wanted: Operation, plan: Plan, period: Period, found: Used | None = None
    ) -> tuple[Standing, Used]:
        """The answer to an operation that the ledger had already. Raises Problem 422."""
        earlier = found or await self._finding.submit(wanted.id)
        if earlier is None:
            raise StoreBusy("the operation is under way elsewhere; try again")
        if (earlier.user_id, earlier.resource, earlier.amount) != (
            wanted.user_id,
            wanted.resource,
            wanted.amount,
        ):
            raise refusals.key_reused()
        return await self.standing(period, plan), earlier

    async def _same(self, earlier: Reservation, new: NewReservation) -> Standing:
        if (earlier.user_id, earlier.resource, earlier.amount, earlier.ttl_seconds) != (
            new.user_id,
            new.resource,
            new.amount,
            new.ttl_seconds,
        ):
            raise refusals.key_reused()
        return await self.standing(earlier.period, await self._plan(earlier.user_id))

    async def _unchecked(
        self, wanted: Operation, plan: Plan, period: Period, today: date
    ) -> tuple[Standing, Used]:
        """While Redis is away: refused, or where the settings say so recorded all the same."""
        self._warn()
        if not self._settings.quota_fails_open:
            raise refusals.not_checked()
        entry = Entry(
            wanted.id,
            wanted.user_id,
            plan.subscription_id,
            wanted.resource,
            wanted.amount,
            today,
            0,
        )
        async with self._pool.connection() as connection:
            recorded = await quota_ledger.record_unchecked(connection, entry)
        if isinstance(recorded, Refusal):
            raise StoreBusy("the quota's counter is being counted anew; try again")
        if not recorded.is_new:
            return await self._again(wanted, plan, period, recorded)
        return await self._standing_in_ledger(period, plan, is_enforced=False), recorded

    async def _standing_in_ledger(
        self, period: Period, plan: Plan, *, is_enforced: bool = True
    ) -> Standing:
        limit = plan.limit_of(period.resource)
        try:
            events, is_complete = await self._events(period, limit), True
        except TransientError:
            events, is_complete = 0, False
        async with self._pool.connection() as connection:
            used, held = await quota_ledger.standing(connection, period)
        return Standing(
            period,
            plan,
            limit,
            used + events,
            sum(amount for _, amount, _ in held),
            datetime.now(UTC),
            "ledger",
            is_enforced,
            is_complete,
        )

    async def _count(self, period: Period, plan: Plan) -> None:
        """Count anew from the ledger, once for all who wait for it here."""
        task = self._counting.get(period)
        if task is None:
            task = asyncio.create_task(self._count_anew(period, plan))
            self._counting[period] = task
            task.add_done_callback(lambda _: self._counting.pop(period, None))
        await asyncio.shield(task)

    async def _count_anew(self, period: Period, plan: Plan) -> None:
        limit = plan.limit_of(period.resource)
        events = await self._events(period, limit)
        async with self._pool.connection() as connection:
            found = await quota_ledger.count(connection, period)
            reached = quota_ledger.crossed(-1, found.used + events, limit.limit)
            if reached and limit.limit:
                await quota_ledger.notice(
                    connection,
                    period,
                    reached,
                    used=found.used + events,
                    limit=limit.limit,
                    plan_name=plan.name,
                )
        await self._counters.restore(period, found.epoch, found.used + events, found.held)

    async def _events(self, period: Period, limit: Limit) -> int:
        """What is used by events that the warehouse counts, where the plan says so."""
        if not limit.event_type:
            return 0
        try:
            async with asyncio.timeout(EVENTS_SECONDS_LIMIT):
                rows = await self._warehouse.ask(
                    "quota_events",
                    user_id=str(period.user_id),
                    event_type=limit.event_type,
                    month=period.month,
                )
        except TimeoutError:
            raise StoreUnavailable("ClickHouse gave no answer in time") from None
        return int(rows[0]["event_count"]) if rows else 0

    async def _notice_commit(self, ended: Reservation, used: int, amount: int) -> None:
        plan = await self.plans.of(ended.user_id)
        limit = plan.limit_of(ended.resource).limit if plan else None
        reached = quota_ledger.crossed(used - amount, used, limit)
        if plan is None or limit is None or not reached:
            return
        async with self._pool.connection() as connection:
            await quota_ledger.notice(
                connection, ended.period, reached, used=used, limit=limit, plan_name=plan.name
            )

    async def _record(self, entries: Sequence[Entry]) -> Sequence[Used | Refusal]:
        async with self._pool.connection() as connection:
            return await quota_ledger.record(connection, entries)

    async def _find(self, ids: Sequence[UUID]) -> Sequence[Used | None]:
        async with self._pool.connection() as connection:
            found = await quota_ledger.used_by(connection, ids)
        return [found.get(identity) for identity in ids]

    async def _settle_now(self, settle: Settle) -> int | None:
        """What is used now. A counter that is not told is behind only as far as it is too high."""
        try:
            return (await self._counters.settle([settle]))[0]
        except StoreUnavailable:
            self._warn()
            return None

    def _settle_later(self, settle: Settle) -> None:
        self._to_settle.append(settle)
        if self._settling is None:
            self._settling = asyncio.create_task(self._settle_all())

    async def _settle_all(self) -> None:
        try:
            await asyncio.sleep(SETTLE_SECONDS)
            while self._to_settle:
                part, self._to_settle = self._to_settle[:ADMIT_LIMIT], self._to_settle[ADMIT_LIMIT:]
                await self._counters.settle(part)
        except StoreUnavailable:
            # The holds become overdue, and their counters are counted anew.
            self._to_settle.clear()
            self._warn()
        finally:
            self._settling = None

    def _warn(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._warned_at >= _REPORT_SECONDS:
            self._warned_at = now
            does = "are used unchecked" if self._settings.quota_fails_open else "are refused"
            logger.warning("REDIS_URL: Redis does not answer; quotas %s meanwhile", does)


def _standing(period: Period, plan: Plan, told: Told) -> Standing:
    return Standing(
        period,
        plan,
        plan.limit_of(period.resource),
        told.used,
        told.reserved,
        told.counted_at,
    )


async def of_application(request: Request) -> QuotaDesk:
    """The application's desk, as a dependency; made when it is first needed.

    It awaits nothing: a plain function would be called in a thread, which costs 0.1 ms.
    """
    return desk_of(request.app)


def desk_of(app: FastAPI) -> QuotaDesk:
    """The desk, where there is no request."""
    if not hasattr(app.state, "quota"):
        app.state.quota = QuotaDesk(
            pool_of(app), QuotaCounters(), warehouse_of(app), load_settings()
        )
    return app.state.quota  # type: ignore[no-any-return]  # state is untyped


async def close_of_application(app: FastAPI) -> None:
    """Let what is under way end, where there is a desk."""
    made: QuotaDesk | None = getattr(app.state, "quota", None)
    if made is not None:
        await made.close()
