"""Rows that break a severe expectation: listed with their reason, left out of staging.

Belongs here: putting rows aside, looking at them again, listing and releasing them. Nothing is
moved: the row stays where it landed, and dbt's macro `without_quarantined` leaves it out. When the
source corrects or deletes it, it comes back by itself; a person can release it as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from expectations.suite import Expectation, Suite
from stores.clickhouse.client import ClickHouseClient
from stores.errors import InputInvalid

# Models are held back once more rows of a table than this are open, or, of more than a few, than
# this share of it: then it is not a row that is wrong, but the source.
OPEN_LIMIT = 1000
FEW = 10
SHARE_LIMIT = 0.1
_COLUMNS = "suite, row_id, expectation, reason, content, content_hash, state, found_at"
# As text, because a hash of a NULL is NULL.
_HASH = "sipHash64(toString(tuple(*)))"
# Sorting and grouping a whole table's ids spills to disk rather than fill the memory.
SETTINGS: dict[str, Any] = {"max_bytes_before_external_group_by": 500_000_000}


@dataclass(frozen=True)
class Quarantined:
    """A row that is kept out, and one expectation that it breaks."""

    suite: str
    row_id: UUID
    expectation: str
    reason: str
    content: str
    state: str
    found_at: datetime


def put_aside(client: ClickHouseClient, suite: Suite, broken: Expectation, looked: str) -> None:
    """List the rows of `looked` that break it, unless they are listed or were released.

    No more than what blocks anyway: beyond that the list would not be read.
    """
    client.command(
        f"INSERT INTO expectations.quarantine ({_COLUMNS})"
        f" SELECT {{suite:String}}, {suite.key}, {{name:String}}, {{why:String}},"
        f" {_content(suite)}, {_HASH}, 'open', now64(3) FROM ({looked})"
        f" WHERE ({suite.condition(broken, looked)}) AND {suite.key} NOT IN"
        " (SELECT row_id FROM expectations.quarantine FINAL WHERE suite = {suite:String} AND"
        " ((expectation = {name:String} AND state = 'open') OR state = 'released'))"
        f" LIMIT 1 BY {suite.key} LIMIT {OPEN_LIMIT + 1}",
        parameters={"suite": suite.name, "name": broken.name, "why": broken.why},
        settings=SETTINGS,
    )


def look_again(client: ClickHouseClient, suite: Suite) -> None:
    """Let go of rows that were corrected or deleted; judge released ones anew once they changed."""
    listed = client.query(
        "SELECT row_id, expectation, content_hash, state FROM expectations.quarantine FINAL"
        " WHERE suite = {suite:String} AND state IN ('open', 'released')",
        parameters={"suite": suite.name},
    ).result_rows
    if not listed:
        return
    ids = sorted({str(row[0]) for row in listed})
    known = {item.name: item for item in suite.severe if item.broken_by}
    now = _judged(client, suite, ids, list(known.values()))
    for row_id, name, content_hash, state in listed:
        is_there = row_id in now
        broken, hash_now = now.get(row_id, (frozenset(), 0))
        if state == "released" and is_there and hash_now == content_hash:
            continue
        became = "gone" if not is_there else "open" if name in broken else "corrected"
        if became != state:
            _become(client, suite.name, row_id, str(name), became)


def _judged(
    client: ClickHouseClient, suite: Suite, ids: Sequence[str], asked: Sequence[Expectation]
) -> dict[UUID, tuple[frozenset[str], int]]:
    """What each of `ids` that is still there breaks now, and the hash of its content."""
    if not asked:
        return {}
    listed = ", ".join(f"toUUID('{UUID(row_id)}')" for row_id in ids)
    looked = f"SELECT * FROM {suite.table} WHERE {suite.key} IN ({listed})"
    broken = ", ".join(f"if({suite.condition(item, looked)}, '{item.name}', '')" for item in asked)
    rows = client.query(
        f"SELECT {suite.key}, groupUniqArrayArray([{broken}]), max({_HASH})"
        f" FROM ({looked}) GROUP BY {suite.key}",
        settings=SETTINGS,
    ).result_rows
    return {row[0]: (frozenset(row[1]) - {""}, int(row[2])) for row in rows}


def _become(client: ClickHouseClient, suite: str, row_id: UUID, name: str, state: str) -> None:
    """A new state of a listed row, in place of the former one."""
    client.command(
        f"INSERT INTO expectations.quarantine ({_COLUMNS})"
        " SELECT suite, row_id, expectation, reason, content, content_hash, {state:String},"
        " found_at FROM expectations.quarantine FINAL WHERE suite = {suite:String}"
        " AND row_id = {row:UUID} AND expectation = {name:String}",
        parameters={"state": state, "suite": suite, "row": str(row_id), "name": name},
    )


def suites_with_rows(client: ClickHouseClient) -> set[str]:
    """Those that have rows in quarantine, or released ones that may change."""
    rows = client.query(
        "SELECT DISTINCT suite FROM expectations.quarantine FINAL"
        " WHERE state IN ('open', 'released')"
    ).result_rows
    return {str(row[0]) for row in rows}


def open_count(client: ClickHouseClient, suite: Suite) -> int:
    """How many rows are kept out of the models."""
    found = client.query(
        "SELECT uniqExact(row_id) FROM expectations.quarantined WHERE suite = {suite:String}",
        parameters={"suite": suite.name},
    ).result_rows
    return int(found[0][0])


def listed(
    client: ClickHouseClient, suite: str = "", states: Sequence[str] = ("open",), limit: int = 100
) -> list[Quarantined]:
    """The newest first; an empty `suite` is every one."""
    rows = client.query(
        "SELECT suite, row_id, expectation, reason, content, state, found_at"
        " FROM expectations.quarantine FINAL"
        " WHERE ({suite:String} = '' OR suite = {suite:String})"
        " AND has({states:Array(String)}, toString(state))"
        " ORDER BY found_at DESC, suite, row_id, expectation LIMIT {limit:UInt32}",
        parameters={"suite": suite, "states": list(states), "limit": limit},
    ).result_rows
    return [Quarantined(*row) for row in rows]


def release(client: ClickHouseClient, suite: Suite, ids: Sequence[str]) -> int:
    """Let the models have these rows as they are, or all of the suite's. Returns how many rows.

    Holds until the row changes. Raises InputInvalid for an id that is not in quarantine.
    """
    waiting = {str(row.row_id): row for row in listed(client, suite.name, limit=1_000_000)}
    for row_id in ids:
        if row_id.lower() not in waiting:
            raise InputInvalid(
                "id",
                f"{row_id} is not in quarantine; see `interview-data expectations quarantine list`",
            )
    wanted = {row_id.lower() for row_id in ids} or set(waiting)
    if wanted:
        client.command(
            f"INSERT INTO expectations.quarantine ({_COLUMNS})"
            " SELECT suite, row_id, expectation, reason, content, content_hash, 'released',"
            " found_at FROM expectations.quarantine FINAL WHERE suite = {suite:String}"
            " AND state = 'open' AND has({ids:Array(UUID)}, row_id)",
            parameters={"suite": suite.name, "ids": sorted(wanted)},
        )
    return len(wanted)


def _content(suite: Suite) -> str:
    pairs = ", ".join(f"'{name}', ifNull(toString({name}), '')" for name in suite.shown)
    return f"toJSONString(map({pairs}))"
