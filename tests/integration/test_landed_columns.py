"""What Dagster shows of the columns of landed tables."""

import dagster as dg
from fix_models import Manifests
from fix_warehouse import Warehouse

from orchestration.landed_columns import (
    Metadata,
    column_metadata,
    words_of_contracts,
    words_of_staging,
)
from stores.clickhouse.client import connect


def _said(metadata: Metadata) -> dict[str, str | None]:
    schema = metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    return {column.name: column.description for column in schema.columns}


def test_columns_of_events_say_what_the_contract_says(clickhouse_url: str) -> None:
    found = column_metadata(connect(clickhouse_url), "analytics", words_of_contracts())
    said = _said(found["user_events"])
    assert said["event_id"] == "Counts once, however often it is sent."
    assert said["date"] is None, "landing's own"


def test_captured_columns_say_what_staging_says(warehouse: Warehouse, manifests: Manifests) -> None:
    words = words_of_staging(manifests["warehouse"])
    found = column_metadata(warehouse.client, "oltp", words)
    assert _said(found["users"])["email_verified"] == "Whether the address was confirmed."
    # Secrets, left out of staging for good.
    unsaid = {
        (table, column)
        for table, metadata in found.items()
        for column, description in _said(metadata).items()
        if description is None
    }
    assert unsaid == {("users", "password_hash"), ("interviews", "public_link_token")}
