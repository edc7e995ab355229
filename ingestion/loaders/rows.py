"""Rows into PostgreSQL, so that a second time changes nothing.

Belongs here: the one way a loader writes the product's tables. What the rows say belongs to
each loader.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ingestion.loaders.report import Written
from stores.errors import StateConflict
from stores.postgres.client import Connection, IntegrityError

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

# Referenced tables first.
ORDER = (
    "roles",
    "users",
    "user_roles",
    "ai_models",
    "subscription_plans",
    "subscriptions",
    "interview_templates",
    "interviews",
    "questions",
    "candidate_sessions",
    "media_files",
    "candidate_responses",
    "processing_jobs",
    "analysis_results",
    "usage_tracking",
    "event_store",
)
KEYS = {"user_roles": ("user_id", "role_id")}


def write(connection: Connection, tables: Tables) -> dict[str, Written]:
    """Bring `tables` in, in the transaction that is open. Every row has its table's key.

    A row that is there and equal is not written again: nothing of it passes through the log,
    and change capture sees nothing. Rows of one table have the same columns in the same order.
    """
    unknown = set(tables) - set(ORDER)
    if unknown:
        raise StateConflict(f"no such tables to load: {', '.join(sorted(unknown))}")
    return {
        table: _write_table(connection, table, tables[table])
        for table in ORDER
        if tables.get(table)
    }


def _write_table(connection: Connection, table: str, rows: Sequence[Row]) -> Written:
    columns = list(rows[0])
    try:
        _copy(connection, table, columns, rows)
        counted = connection.execute(_merge_sql(table, columns)).fetchone()
    except IntegrityError as error:
        raise StateConflict(
            f"{table}: rows of the load contradict what is there: {error}"
        ) from error
    assert counted is not None  # noqa: S101 - an aggregate always answers one row.
    inserted, written = counted
    return Written(inserted, written - inserted, len(rows) - written)


def _copy(connection: Connection, table: str, columns: list[str], rows: Sequence[Row]) -> None:
    incoming = f"incoming_{table}"
    names = ", ".join(columns)
    connection.execute(f"DROP TABLE IF EXISTS {incoming}")
    connection.execute(
        f"CREATE TEMP TABLE {incoming} ON COMMIT DROP AS"
        f" SELECT {names} FROM public.{table} WITH NO DATA"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {incoming} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([_value(row[column]) for column in columns])


def _merge_sql(table: str, columns: list[str]) -> str:
    keys = KEYS.get(table, ("id",))
    others = [column for column in columns if column not in keys]
    names = ", ".join(columns)
    action = "NOTHING"
    if others:
        here = ", ".join(f"there.{column}" for column in others)
        new = ", ".join(f"EXCLUDED.{column}" for column in others)
        changes = ", ".join(f"{column} = EXCLUDED.{column}" for column in others)
        action = f"UPDATE SET {changes} WHERE ({here}) IS DISTINCT FROM ({new})"
    # xmax is 0 in a row version that was inserted, and set in one that replaced another.
    return (
        f"WITH written AS (INSERT INTO public.{table} AS there ({names})"
        f" SELECT {names} FROM incoming_{table}"
        f" ON CONFLICT ({', '.join(keys)}) DO {action} RETURNING there.xmax = 0 AS is_new)"
        " SELECT count(*) FILTER (WHERE is_new), count(*) FROM written"
    )


def _value(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
