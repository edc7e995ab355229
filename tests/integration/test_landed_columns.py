"""What Dagster shows of the columns of landed tables."""

from orchestration.landed_columns import column_metadata
from stores.clickhouse.client import connect


def test_columns_of_events_say_what_the_contract_says(clickhouse_url: str) -> None:
    schema = column_metadata(connect(clickhouse_url), "analytics")["user_events"][
        "dagster/column_schema"
    ]
    said = {column.name: column.description for column in schema.columns}  # type: ignore[union-attr]
    assert said["event_id"] == "Counts once, however often it is sent."
    assert said["date"] is None, "landing's own"
