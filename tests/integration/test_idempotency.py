"""`Idempotency-Key`: what is sent again is answered again, and not done again."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends
from fix_api import serving

from serving import idempotency
from serving.app import create_app
from serving.idempotency import idempotent, operation_id
from serving.problems import Problem
from serving.security import require_scope
from stores.postgres import api_keys
from stores.postgres.client import connect


class Orders:
    """Counts what was really done."""

    def __init__(self) -> None:
        self.done_count = 0
        self.operations: set[str] = set()


@pytest.fixture
def orders() -> Orders:
    return Orders()


@pytest.fixture
def client(
    postgres_url: str, redis_url: str, event_bus_url: str, orders: Orders
) -> Iterator[httpx.Client]:
    app = create_app()
    writer = require_scope("events:write")

    @app.post("/v1/orders", status_code=201, dependencies=[Depends(idempotent(writer))])
    async def order(
        wanted: dict[str, Any],
        operation: Annotated[Any, Depends(operation_id)],
        _: Annotated[Any, Depends(writer)],
    ) -> dict[str, Any]:
        orders.operations.add(str(operation))
        await asyncio.sleep(wanted.get("seconds", 0))
        orders.done_count += 1
        if status := wanted.get("status"):
            raise Problem(status, "As asked.")
        return {"number": orders.done_count}

    with connect(postgres_url) as connection:
        key = api_keys.create(connection, "one", ["events:write"])
    with (
        serving(app) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}) as found,
    ):
        yield found


def _post(client: httpx.Client, key: str | None, body: Any, **headers: str) -> httpx.Response:
    if key is not None:
        headers["Idempotency-Key"] = key
    return client.post("/v1/orders", json=body, headers=headers)


def _type(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    return str(answer.json()["type"])


def test_a_request_sent_again_is_answered_again_and_not_done_again(
    client: httpx.Client, orders: Orders, postgres_url: str
) -> None:
    first = _post(client, "a", {"x": 1})
    again = _post(client, "a", {"x": 1}, **{"X-Request-Id": "mine-2"})
    assert (first.status_code, first.json()) == (201, {"number": 1})
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] == "mine-2"
    assert first.headers["x-request-id"] != "mine-2"
    # Another body, another owner, no key.
    assert _post(client, "a", {"x": 2}).status_code == 422
    assert _type(_post(client, "a", {"x": 2})) == "/problems/idempotency-key-reused"
    with connect(postgres_url) as connection:
        other = api_keys.create(connection, "other", ["events:write"])
    assert _post(client, "a", {"x": 2}, Authorization=f"Bearer {other}").json() == {"number": 2}
    assert _post(client, None, {"x": 1}).json() == {"number": 3}
    assert _post(client, "a", {"x": 1}, Authorization="Bearer none").status_code == 401
    assert _type(_post(client, "a b", {"x": 1})) == "/problems/invalid-idempotency-key"
    assert orders.done_count == 3
    # A day later the key is free.
    with connect(postgres_url) as connection:
        connection.execute("UPDATE platform.idempotent_requests SET expires_at = now()")
    assert _post(client, "a", {"x": 5}).json() == {"number": 4}


def test_of_many_at_once_one_is_done_and_the_others_are_told_to_wait(
    client: httpx.Client, orders: Orders
) -> None:
    async def race() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=client.base_url, headers=client.headers) as many:
            posts = (
                many.post("/v1/orders", json={"seconds": 1}, headers={"Idempotency-Key": "r"})
                for _ in range(20)
            )
            return await asyncio.gather(*posts)

    answers = asyncio.run(race())
    # Who comes once it is done gets its answer.
    made = [answer for answer in answers if "idempotency-replayed" not in answer.headers]
    assert sorted(answer.status_code for answer in made) == [201, *[409] * (len(made) - 1)]
    told = next(answer for answer in made if answer.status_code == 409)
    assert _type(told) == "/problems/idempotency-in-progress"
    assert int(told.headers["retry-after"]) >= 1
    assert orders.done_count == 1
    assert _post(client, "r", {"seconds": 1}).json() == {"number": 1}


def test_a_refusal_is_kept_and_a_failure_is_not(client: httpx.Client, orders: Orders) -> None:
    assert [_post(client, "c", {"status": 409}).status_code for _ in range(2)] == [409, 409]
    assert orders.done_count == 1
    assert [_post(client, "d", {"status": 503}).status_code for _ in range(2)] == [503, 503]
    assert orders.done_count == 3
    # The repetition of what failed is the same operation, for a ledger to recognise.
    assert len(orders.operations) == 2


def test_a_claim_whose_worker_died_is_taken_over_by_the_same_request_only(
    client: httpx.Client, orders: Orders, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def forget(*_: Any) -> None:
        return

    with monkeypatch.context() as patch:
        # As if the process had ended before it could keep its answer.
        patch.setattr(idempotency.idempotent_requests, "keep", forget)
        assert _post(client, "e", {"x": 1}).status_code == 201
    assert _type(_post(client, "e", {"x": 1})) == "/problems/idempotency-in-progress"
    with connect(postgres_url) as connection:
        connection.execute("UPDATE platform.idempotent_requests SET claimed_until = now()")
    assert _type(_post(client, "e", {"x": 2})) == "/problems/idempotency-key-reused"
    assert _post(client, "e", {"x": 1}).json() == {"number": 2}
    assert len(orders.operations) == 1
