"""Quotas are linearizable: whatever runs at the same time, there is an order that explains it.

Two desks, as two workers of the API have them, work on one counter over real Redis and PostgreSQL.
Each step is a group of operations at the same time, in which the counters may be flushed, or Redis
be restarted as its run id tells; then what each came to must be what a plain model says, in some
order of the group, and the ledger and the counter must be where the model is.
"""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fix_quota import ledger_used, new_customer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from serving.problems import Problem
from serving.queries.warehouse import Warehouse
from serving.quota.desk import Operation, QuotaDesk
from stores.postgres.client import connect
from stores.postgres.pool import AsyncPool
from stores.redis_store import keys
from stores.redis_store.client import connect as connect_redis
from stores.redis_store.quota import Period, QuotaCounters, reservation_hold
from stores.settings import Settings

LIMIT = 6
AMOUNTS = st.integers(1, 4)
# Operations and reservations are named by small numbers, so that they meet.
NAMES = st.integers(0, 3)
OPERATION = st.one_of(
    st.tuples(st.just("consume"), NAMES, AMOUNTS),
    st.tuples(st.just("reserve"), NAMES, AMOUNTS),
    st.tuples(st.just("commit"), NAMES, AMOUNTS),
    st.tuples(st.just("release"), NAMES, st.just(0)),
    st.tuples(st.just("flush"), st.just(0), st.just(0)),
    st.tuples(st.just("restart"), st.just(0), st.just(0)),
)
GROUP = st.lists(OPERATION, min_size=1, max_size=4)
STEP = st.one_of(GROUP, st.tuples(st.just("expire"), NAMES))
Step = tuple[str, int, int]


@dataclass(frozen=True)
class Model:
    """What there is: amounts used by name, and reservations as (amount, state, committed)."""

    used: tuple[tuple[int, int], ...] = ()
    reserved: tuple[tuple[int, int, str, int], ...] = ()

    def used_count(self) -> int:
        """Consumed and committed."""
        committed = sum(done for _, _, state, done in self.reserved if state == "committed")
        return sum(amount for _, amount in self.used) + committed

    def held_count(self) -> int:
        """Held by reservations."""
        return sum(amount for _, amount, state, _ in self.reserved if state == "held")

    def after(self, step: Step) -> tuple["Model", Any]:
        """The next state and what is answered."""
        what, name, amount = step
        if what in ("flush", "restart"):
            return self, None
        if what == "consume":
            return self._consume(name, amount)
        if what == "reserve":
            return self._reserve(name, amount)
        return self._end(name, None if what == "release" else amount)

    def _has_room(self, amount: int) -> bool:
        return self.used_count() + self.held_count() + amount <= LIMIT

    def _consume(self, name: int, amount: int) -> tuple["Model", Any]:
        earlier = dict(self.used).get(name)
        if earlier is not None:
            return self, "repeat" if earlier == amount else 422
        if not self._has_room(amount):
            return self, 409
        return Model((*self.used, (name, amount)), self.reserved), "new"

    def _reserve(self, name: int, amount: int) -> tuple["Model", Any]:
        earlier = {known: size for known, size, _, _ in self.reserved}.get(name)
        if earlier is not None:
            return self, "repeat" if earlier == amount else 422
        if not self._has_room(amount):
            return self, 409
        return Model(self.used, (*self.reserved, (name, amount, "held", 0))), "new"

    def _end(self, name: int, amount: int | None) -> tuple["Model", Any]:
        found = {known: (size, state, done) for known, size, state, done in self.reserved}
        if name not in found:
            return self, 404
        size, state, done = found[name]
        wanted = ("released", 0) if amount is None else ("committed", amount)
        if (state, done) == wanted:
            return self, wanted
        if amount is not None and amount > size:
            return self, 422
        if state != "held":
            return self, 409
        return self.ended(name, *wanted), wanted

    def ended(self, name: int, state: str, committed: int = 0) -> "Model":
        """With a held reservation ended."""
        return Model(
            self.used,
            tuple(
                (known, size, state, committed)
                if known == name and was == "held"
                else (known, size, was, done)
                for known, size, was, done in self.reserved
            ),
        )


@dataclass
class World:
    """The customer, two desks, and ways to break what they rely on."""

    user: UUID
    database_url: str
    redis_url: str
    desks: list[QuotaDesk]
    counters: list[QuotaCounters]
    turns: itertools.count = field(default_factory=itertools.count)  # type: ignore[type-arg]

    def id_of(self, kind: str, name: int) -> UUID:
        """The same for the same name."""
        return uuid.uuid5(self.user, f"{kind} {name}")

    async def play(self, step: Step) -> Any:
        """Run an operation at one of the desks in turn; what it came to."""
        what, name, amount = step
        desk = self.desks[next(self.turns) % len(self.desks)]
        if what == "flush":
            return await self.flush()
        if what == "restart":
            # What a restarted server looks like: it does not know the scripts of the former one.
            return await asyncio.to_thread(self.restart)
        try:
            return await self._ask(desk, what, name, amount)
        except Problem as problem:
            return problem.status

    async def _ask(self, desk: QuotaDesk, what: str, name: int, amount: int) -> Any:
        if what == "consume":
            wanted = Operation(self.id_of(what, name), self.user, "interviews", amount)
            return "new" if (await desk.consume(wanted))[1].is_new else "repeat"
        identity = self.id_of("reserve", name)
        if what == "reserve":
            wanted = Operation(identity, self.user, "interviews", amount)
            return "new" if (await desk.reserve(wanted, 600))[2] else "repeat"
        ended = await desk.end(identity, None if what == "release" else amount)
        return ended.state, ended.committed_amount or 0

    async def flush(self) -> None:
        """All that Redis counts."""
        await asyncio.to_thread(
            lambda: connect_redis(keys.Database.USAGE, self.redis_url).flushdb()
        )

    def restart(self) -> None:
        """Another run id than the counters were written under."""
        with connect_redis(keys.Database.USAGE, self.redis_url) as client:
            for key in client.scan_iter(f"usage:{self.user}:*:state"):
                client.hset(key, "run", "another")

    def expire(self, name: int) -> None:
        """Let a reservation's time be over, in the ledger and in Redis."""
        identity = self.id_of("reserve", name)
        with connect(self.database_url) as connection:
            connection.execute(
                "UPDATE platform.quota_reservations SET expires_at = now() WHERE id = %s",
                [identity],
            )
        with connect_redis(keys.Database.USAGE, self.redis_url) as client:
            for key in client.scan_iter(f"usage:{self.user}:*:holds"):
                client.zadd(key, {reservation_hold(identity): 1}, xx=True)

    async def standing(self) -> tuple[int, int]:
        """Used and reserved, by the counter."""
        [found], _ = await self.desks[0].standings(self.user, ["interviews"])
        return found.used, found.reserved


def _explained(model: Model, group: list[Step], answers: list[Any]) -> list[Model]:
    """Every state in which an order of the group ends that answers the same."""
    found = []
    for order in itertools.permutations(range(len(group))):
        now = model
        for number in order:
            now, said = now.after(group[number])
            if said != answers[number]:
                break
        else:
            found.append(now)
    return found


@asynccontextmanager
async def _world(database_url: str, redis_url: str) -> AsyncIterator[World]:
    user = new_customer(database_url, {"interviews": LIMIT})
    pools = [AsyncPool(database_url) for _ in range(2)]
    counters = [QuotaCounters(redis_url) for _ in range(2)]
    warehouse = Warehouse("clickhouse://nobody:nothing@127.0.0.1:1/x")
    desks = [
        QuotaDesk(pool, each, warehouse, Settings())
        for pool, each in zip(pools, counters, strict=True)
    ]
    yield World(user, database_url, redis_url, desks, counters)
    for desk in desks:
        await desk.close()
    for pool in pools:
        await pool.close()
    warehouse.close()


@given(st.lists(STEP, min_size=1, max_size=6))
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    # What fails is short already; to shorten it takes minutes of real stores.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def _check(database_url: str, redis_url: str, steps: list[Any]) -> None:
    async def play() -> None:
        async with _world(database_url, redis_url) as world:
            model = Model()
            for step in steps:
                if isinstance(step, tuple):
                    world.expire(step[1])
                    model = model.ended(step[1], "expired")
                    continue
                answers = await asyncio.gather(*(world.play(each) for each in step))
                ends = _explained(model, step, answers)
                assert ends, (model, step, answers)
                used = await asyncio.to_thread(ledger_used, database_url, world.user)
                model = next((end for end in ends if end.used_count() == used), ends[0])
                assert used == model.used_count() <= LIMIT, (model, step, answers)
                assert await world.standing() == (used, model.held_count()), (step, answers)

    asyncio.run(play())


def test_quotas_do_what_their_model_does_in_some_order(postgres_url: str, redis_url: str) -> None:
    _check(postgres_url, redis_url)


def test_a_counter_survives_what_no_client_can_cause(postgres_url: str, redis_url: str) -> None:
    async def play() -> None:
        async with _world(postgres_url, redis_url) as world:
            assert await world.play(("consume", 0, 3)) == "new"
            period = Period(world.user, "interviews", _month())
            # A worker that died between Redis and the ledger: its hold is overdue in the end.
            with connect_redis(keys.Database.USAGE, redis_url) as client:
                used, state, holds = period.key_names
                client.incrby(used, 3)
                client.hincrby(state, "holds", 1)
                client.zadd(holds, {f"c:{uuid.uuid4()}": 1})
            assert await world.play(("consume", 1, 3)) == "new"
            assert await world.standing() == (6, 0)
            # A count that comes late, of an epoch before: it is not believed.
            await world.counters[0].restore(period, 1, 0, [])
            assert await world.standing() == (6, 0)
            await world.flush()
            await world.counters[0].restore(period, 1, 0, [])
            assert await world.play(("consume", 2, 1)) == 409
            assert await world.standing() == (6, 0)

    asyncio.run(play())


def _month() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC).date().replace(day=1)
