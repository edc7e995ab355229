"""What the endpoints that read dbt's models have in common.

Belongs here: asking, and what it means that a model is not built yet or its store is away.
"""

from typing import Any
from uuid import UUID

from serving.principals import Principal, ensure_tenant
from serving.problems import unavailable
from serving.queries.warehouse import ModelNotBuilt, Row, Warehouse, question
from stores.errors import TransientError
from stores.postgres.pool import AsyncPool, UndefinedTable

# Also where Dagster does not run, and so for as long as nobody builds them.
NOT_BUILT = (
    "The models behind this are not built yet. Dagster builds them within minutes of its start;"
    " where it does not run, build them: `interview-data dbt warehouse build` and"
    " `interview-data dbt operational build`."
)


async def ask_postgres(pool: AsyncPool, name: str, **parameters: Any) -> list[Row]:
    """The rows that answer `queries/postgres/<name>.sql`. Raises Problem 503, TransientError."""
    try:
        return await pool.rows(question(f"postgres/{name}"), parameters)
    except UndefinedTable:
        raise unavailable(NOT_BUILT, "not-built-yet") from None


async def ask_warehouse(asked: Warehouse, name: str, **parameters: Any) -> list[Row]:
    """The rows that answer `queries/<name>.sql`. Raises Problem 503."""
    try:
        return await asked.ask(name, **parameters)
    except ModelNotBuilt:
        raise unavailable(NOT_BUILT, "not-built-yet") from None
    except TransientError:
        raise unavailable("ClickHouse does not answer right now; try again.") from None


def tenant_filter(reader: Principal, wanted: UUID | None) -> UUID | None:
    """Whose rows: those asked for, or one's own where one may see no others; None for all.

    Raises Problem 404 where another tenant is asked for.
    """
    if wanted is not None:
        ensure_tenant(reader, wanted, "user")
    return reader.user_id or wanted
