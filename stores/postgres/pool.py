"""PostgreSQL for a program with an event loop: a few connections, opened when first needed.

Belongs here: the pool, its time limits and what each failure means. Queries belong to those who ask
them. A connection is in autocommit; `async with connection.transaction()` makes it one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from stores.errors import StoreBusy, StoreUnavailable
from stores.settings import load_settings

# PostgreSQL has a hundred connections for everybody, and the API may have several workers.
SIZE = 8
CONNECT_SECONDS_LIMIT = 2
ANSWER_SECONDS_LIMIT = 5

AsyncConnection = psycopg.AsyncConnection[DictRow]
UndefinedTable = psycopg.errors.UndefinedTable
Parameters = Mapping[str, Any] | Sequence[Any]


class Pool:
    """Belongs to the loop that first asks it. Its methods raise StoreUnavailable or StoreBusy."""

    def __init__(self, url: str | None = None, size: int = SIZE) -> None:
        self._url = url
        self._size = size
        self._pool: AsyncConnectionPool[AsyncConnection] | None = None

    async def rows(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """What one statement answers."""
        async with self.connection() as connection:
            cursor = await connection.execute(sql.encode(), parameters)
            return await cursor.fetchall() if cursor.description else []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection for several statements."""
        pool = await self._opened()
        try:
            async with pool.connection(timeout=CONNECT_SECONDS_LIMIT) as connection:
                yield connection
        except psycopg.errors.QueryCanceled as error:
            raise StoreBusy("PostgreSQL gave no answer in time") from error
        except (psycopg.OperationalError, PoolTimeout, PoolClosed) as error:
            raise StoreUnavailable("DATABASE_URL: PostgreSQL does not answer") from error

    async def close(self) -> None:
        """Give the connections back."""
        if self._pool is not None:
            await self._pool.close()

    async def _opened(self) -> AsyncConnectionPool[AsyncConnection]:
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                self._url or load_settings().require("database_url"),
                connection_class=psycopg.AsyncConnection[DictRow],
                min_size=0,
                max_size=self._size,
                open=False,
                # A round trip on a local net, so that a restart of PostgreSQL is noticed here.
                check=AsyncConnectionPool.check_connection,
                # Who asks next tries again; until then nobody does.
                reconnect_timeout=0,
                kwargs={
                    "autocommit": True,
                    "row_factory": dict_row,
                    "connect_timeout": CONNECT_SECONDS_LIMIT,
                    "options": f"-c statement_timeout={ANSWER_SECONDS_LIMIT}s",
                },
            )
            await self._pool.open()
        return self._pool
