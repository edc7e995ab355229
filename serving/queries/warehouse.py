"""Runs the questions of this folder in threads, with a deadline, over a few clients.

Belongs here: the pool, the time limits and what each failure means to a caller.
"""

import asyncio
import logging
import queue
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request

from serving.tracing import comment
from stores.clickhouse import client as clickhouse
from stores.errors import StoreBusy, StoreUnavailable, TransientError

log = logging.getLogger(__name__)

QUERIES = Path(__file__).parent
# A client serves one thread at a time, so the pool is as wide as the parallel questions.
CONNECTION_COUNT = 4
QUERY_SECONDS_LIMIT = 10
# Above the server's own limit, so that the server's clearer message wins.
ANSWER_SECONDS_LIMIT = QUERY_SECONDS_LIMIT + 2

# How old an answer of `ask_lately` may be.
LATELY_SECONDS = 1.0

# ClickHouse error codes: unknown table, unknown database.
NOT_BUILT_CODES = (60, 81)
# Timeout exceeded, too many simultaneous queries, memory limit exceeded.
BUSY_CODES = (159, 202, 241)

Row = dict[str, Any]


class ModelNotBuilt(TransientError):
    """A mart or rollup does not exist yet: dbt has not run since the platform was started."""


@cache
def question(name: str) -> str:
    """The text of `<name>.sql`."""
    return (QUERIES / f"{name}.sql").read_text()


class Warehouse:
    """Answers questions by their file's name. Clients are opened when first needed."""

    def __init__(self, url: str | None = None, *, lately_seconds: float = LATELY_SECONDS) -> None:
        self._url = url
        self._clients: queue.LifoQueue[clickhouse.ClickHouseClient | None] = queue.LifoQueue()
        for _ in range(CONNECTION_COUNT):
            self._clients.put(None)
        self._threads = ThreadPoolExecutor(CONNECTION_COUNT, "warehouse")
        self._lately_seconds = lately_seconds
        self._lately: dict[str, tuple[float, list[Row]]] = {}

    async def ask(self, name: str, **parameters: Any) -> list[Row]:
        """The rows that answer `name`.

        Raises StoreUnavailable, StoreBusy or ModelNotBuilt, each worth another try later.
        """
        loop = asyncio.get_running_loop()
        asking = partial(self.ask_blocking, name, parameters, comment())
        answer = loop.run_in_executor(self._threads, asking)
        try:
            return await asyncio.wait_for(answer, ANSWER_SECONDS_LIMIT)
        except TimeoutError:
            raise StoreBusy(
                f"ClickHouse gave no answer within {ANSWER_SECONDS_LIMIT} s. Try again shortly."
            ) from None

    async def ask_lately(self, name: str) -> list[Row]:
        """Like `ask`, of what is the same for everybody: perhaps a second old."""
        asked_at, rows = self._lately.get(name, (-float("inf"), []))
        now = time.monotonic()
        if now - asked_at >= self._lately_seconds:
            # Others who come meanwhile ask as well; it is one small question.
            rows = await self.ask(name)
            self._lately[name] = now, rows
        return rows

    def ask_blocking(
        self, name: str, parameters: dict[str, Any], log_comment: str = ""
    ) -> list[Row]:
        """Like `ask`, in the caller's thread. ClickHouse notes `log_comment` with the query."""
        client = self._clients.get(timeout=ANSWER_SECONDS_LIMIT)
        try:
            client = client or self._connect()
            settings = {"log_comment": log_comment} if log_comment else None
            answer = client.query(question(name), parameters=parameters, settings=settings)
            return list(answer.named_results())
        except clickhouse.Error as error:
            _dispose(client)
            client = None
            raise _meaning(name, error) from error
        finally:
            self._clients.put(client)

    def close(self) -> None:
        """Close the clients; questions in flight are waited for."""
        self._threads.shutdown()
        while not self._clients.empty():
            _dispose(self._clients.get_nowait())

    def _connect(self) -> clickhouse.ClickHouseClient:
        return clickhouse.connect(
            self._url,
            send_receive_timeout=ANSWER_SECONDS_LIMIT,
            settings={"max_execution_time": QUERY_SECONDS_LIMIT},
        )


def _dispose(client: clickhouse.ClickHouseClient | None) -> None:
    if client is not None:
        client.close()


def _meaning(name: str, error: clickhouse.Error) -> Exception:
    """What a driver's error tells the caller; anything unforeseen stays a fault of ours."""
    code = getattr(error, "code", None)
    log.warning("question %s failed: %s, code %s", name, type(error).__name__, code)
    if code in NOT_BUILT_CODES:
        return ModelNotBuilt(f"The models behind '{name}' are not built yet.")
    if code in BUSY_CODES:
        return StoreBusy("ClickHouse is too busy to answer. Try again shortly.")
    if code is None:
        return StoreUnavailable("ClickHouse does not answer. Try again shortly.")
    return error


def as_ids(*values: Any) -> Sequence[str]:
    """Identifiers for an `Array(UUID)` parameter; none of them means: do not filter."""
    return [str(value) for value in values if value is not None]


async def of_application(request: Request) -> Warehouse:
    """The application's pool, as a dependency; made at the first question."""
    return pool_of(request.app)


def pool_of(app: FastAPI) -> Warehouse:
    """The pool, where there is no request."""
    if not hasattr(app.state, "warehouse"):
        app.state.warehouse = Warehouse()
    return app.state.warehouse  # type: ignore[no-any-return]  # state is untyped


def close_of_application(app: FastAPI) -> None:
    """Close the pool where one was made."""
    made: Warehouse | None = getattr(app.state, "warehouse", None)
    if made is not None:
        made.close()
