"""Connections for the API's event loop: a few, kept open, given to one coroutine at a time.

Belongs here: opening, keeping and dropping them. A connection on which anything went wrong is
closed, and with it those that idle, which a restarted server has closed from its side.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow, dict_row

from stores.errors import StoreBusy, StoreUnavailable
from stores.settings import load_settings

# PostgreSQL has a hundred connections for everybody, and there may be several workers.
SIZE = 8
CONNECT_SECONDS_LIMIT = 2
STATEMENT_SECONDS_LIMIT = 5
ANSWER_SECONDS_LIMIT = 7

AsyncConnection = psycopg.AsyncConnection[TupleRow]
UndefinedTable = psycopg.errors.UndefinedTable
Parameters = Mapping[str, Any] | Sequence[Any]


class AsyncPool:
    """One for the application; its first connection is opened when it is first needed."""

    def __init__(self, url: str | None = None, size: int = SIZE) -> None:
        self._url = url
        self._slots = asyncio.Semaphore(size)
        self._idle: list[AsyncConnection] = []
        self._is_closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """A connection in autocommit. Raises StoreUnavailable, StoreBusy.

        After StoreUnavailable it is not known whether the last statement was committed.
        """
        async with self._slots:
            taken = self._idle.pop() if self._idle else await self._open()
            # The server ends a statement in time, unless it hangs itself.
            watchdog = asyncio.get_running_loop().call_later(ANSWER_SECONDS_LIMIT, _cut, taken)
            try:
                yield taken
            except psycopg.errors.QueryCanceled as error:
                await self._drop(taken)
                raise StoreBusy("DATABASE_URL: PostgreSQL gave no answer in time") from error
            except psycopg.OperationalError as error:
                await self._drop(taken, *self._idle)
                raise StoreUnavailable("DATABASE_URL: PostgreSQL went away") from error
            except BaseException:
                await self._put_back(taken)
                raise
            finally:
                watchdog.cancel()
            await self._put_back(taken)

    async def rows(self, sql: str, parameters: Parameters = ()) -> list[dict[str, Any]]:
        """What one statement answers. A statement that changes something must be repeatable: it
        is sent twice where a connection had been closed from the other side.
        """
        for last in (False, True):
            try:
                async with self.connection() as connection:
                    cursor = connection.cursor(row_factory=dict_row)
                    await cursor.execute(sql.encode(), parameters)
                    return await cursor.fetchall() if cursor.description else []
            except StoreUnavailable:
                if last:
                    raise
        return []

    async def close(self) -> None:
        """Close what idles, and what is given back later."""
        self._is_closed = True
        await self._drop(*self._idle)

    async def _open(self) -> AsyncConnection:
        try:
            return await psycopg.AsyncConnection.connect(
                self._url or load_settings().require("database_url"),
                autocommit=True,
                connect_timeout=CONNECT_SECONDS_LIMIT,
                options=f"-c statement_timeout={STATEMENT_SECONDS_LIMIT}s",
            )
        except psycopg.OperationalError as error:
            raise StoreUnavailable("DATABASE_URL: PostgreSQL does not answer") from error

    async def _put_back(self, connection: AsyncConnection) -> None:
        """Unless it was left in the middle of something."""
        is_at_rest = connection.info.transaction_status == TransactionStatus.IDLE
        if is_at_rest and not self._is_closed:
            self._idle.append(connection)
        else:
            await self._drop(connection)

    async def _drop(self, *connections: AsyncConnection) -> None:
        for connection in connections:
            if connection in self._idle:
                self._idle.remove(connection)
            await connection.close()


def _cut(connection: AsyncConnection) -> None:
    """Let whoever waits for an answer find the connection closed."""
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as stream,
    ):
        stream.shutdown(socket.SHUT_RDWR)
