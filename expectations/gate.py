"""What stands between landing and the models: severe expectations, asked before every build.

Belongs here: the questions of a suite that can keep a row or a model back, of the rows that have
landed since it was last asked. They are the suite's own: the same conditions that Great
Expectations asks of the whole table once a day, in one query over a table in place of one each,
and without the package, whose import alone takes longer than a refresh may.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from expectations import quarantine
from expectations.suite import Expectation, Suite
from stores.clickhouse.client import ClickHouseClient, Error

# What arrived in the last minutes is looked at again: rows become visible a little later than the
# times they carry say. What was held up for longer shows in the count of all that came before.
OVERLAP_SECONDS = 120
_BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001  the driver's times carry no zone
_MESSAGE_LENGTH = 300
_COLUMNS = ("suite", "definition", "looked_until", "rows_until", "looked_count", "blocked_by")


@dataclass(frozen=True)
class Look:
    """What was found: how many rows were looked at, which sentence blocks, and what is kept out."""

    suite: Suite
    looked_count: int
    blocked_by: str
    quarantined_count: int
    found: tuple[str, ...]
    """What broke just now, a sentence each."""

    @property
    def could_not_be_asked(self) -> bool:
        """Whether it is not rows that block, but that the questions have no answer."""
        return bool(self.blocked_by) and self.blocked_by in self.found


@dataclass(frozen=True)
class _Reach:
    """How far a suite had looked, and what there is now."""

    since: datetime
    until: datetime
    rows_until: int
    new_count: int


def look(client: ClickHouseClient, suites: Iterable[Suite]) -> list[Look]:
    """Ask each suite's severe expectations of what has landed since the last time.

    A handful of queries in all where nothing has landed and nothing is in quarantine.
    """
    asked = list(suites)
    whole = _broken_as_a_whole(client, asked)
    reaches = _reaches(client, [suite for suite in asked if suite.name not in whole])
    listed = quarantine.suites_with_rows(client)
    looks = [
        _look(client, suite, whole.get(suite.name, ""), reaches.get(suite.name), listed)
        for suite in asked
    ]
    _remember(client, looks, reaches)
    return looks


def _look(
    client: ClickHouseClient,
    suite: Suite,
    blocked: str,
    reach: _Reach | None,
    listed: Collection[str],
) -> Look:
    """A suite that cannot be asked blocks, and says why."""
    if reach is None:
        return Look(suite, 0, blocked, quarantine.open_count(client, suite), (blocked,))
    try:
        found = _judge(client, suite, reach) if reach.new_count else ()
        if found or suite.name in listed:
            quarantine.look_again(client, suite)
    except Error as error:
        if getattr(error, "code", None) is None:
            raise
        blocked = f"{suite.table} could not be asked: {_plain(error)}"
        return Look(suite, 0, blocked, 0, (blocked,))
    is_any = found or suite.name in listed
    kept_out = quarantine.open_count(client, suite) if is_any else 0
    return Look(suite, reach.new_count, _too_many(client, suite, kept_out), kept_out, found)


def _broken_as_a_whole(client: ClickHouseClient, suites: Sequence[Suite]) -> dict[str, str]:
    """Suite -> what does not hold of its table as a whole, such as the types of its columns."""
    asked = {
        (suite.name, item.name): (suite, item)
        for suite in suites
        for item in suite.severe
        if item.query
    }
    parts = [
        f"SELECT '{suite}' AS suite, '{name}' AS expectation, "
        " replaceAll(formatRowNoNewline('TSV', *), '\\t', ' ') AS row"
        f" FROM ({item.query} LIMIT 5)"
        for (suite, name), (_, item) in asked.items()
    ]
    rows = client.query(" UNION ALL ".join(parts)).result_rows if parts else []
    found: dict[str, str] = {}
    for suite_name, name in dict.fromkeys((row[0], row[1]) for row in rows):
        suite, item = asked[suite_name, name]
        first = "; ".join(row[2] for row in rows if tuple(row[:2]) == (suite_name, name))
        found.setdefault(suite_name, f"{suite.table}, {name}: {first}. {item.why}")
    return found


def _reaches(client: ClickHouseClient, suites: Sequence[Suite]) -> dict[str, _Reach]:
    kept = {
        (row[0], row[1]): (row[2], row[3])
        for row in client.query(
            "SELECT suite, definition, looked_until, rows_until FROM expectations.looks FINAL"
        ).result_rows
    }
    since = {s.name: kept.get((s.name, s.definition), (_BEGINNING, -1)) for s in suites}
    parts = [
        f"SELECT '{suite.name}', now64(3, 'UTC') - INTERVAL {OVERLAP_SECONDS} SECOND AS until,"
        f" (SELECT count() FROM {suite.log}),"
        f" (SELECT count() FROM {suite.log}"
        f" WHERE {suite.arrived_at} > {_literal(since[suite.name][0])}),"
        f" (SELECT count() FROM {suite.log}"
        f" WHERE {suite.arrived_at} > now64(3, 'UTC') - INTERVAL {OVERLAP_SECONDS} SECOND)"
        for suite in suites
    ]
    rows = client.query(" UNION ALL ".join(parts)).result_rows if parts else []
    return {
        name: _reach(*since[name], until, (all_count, new_count, newest_count))
        for name, until, all_count, new_count, newest_count in rows
    }


def _reach(
    since: datetime,
    rows_then: int,
    until: datetime,
    counts: tuple[int, int, int],
) -> _Reach:
    all_count, new_count, newest_count = counts
    if rows_then < 0 or all_count - new_count > rows_then:
        # Never looked at, or rows have become visible that carry an older time than was looked
        # at: a replay, or a batch that was held up.
        since, new_count = _BEGINNING, all_count
    return _Reach(since, until, all_count - newest_count, new_count)


def _literal(moment: datetime) -> str:
    return f"toDateTime64('{moment:%Y-%m-%d %H:%M:%S.%f}', 3, 'UTC')"


def _judge(client: ClickHouseClient, suite: Suite, reach: _Reach) -> tuple[str, ...]:
    """Put aside what breaks an expectation; say what broke."""
    asked = [item for item in suite.severe if item.broken_by]
    looked = _landed_since(suite, reach.since)
    counts = ", ".join(f"countIf({suite.condition(item, looked)})" for item in asked)
    [broken] = client.query(
        f"SELECT {counts} FROM ({looked})", settings=quarantine.SETTINGS
    ).result_rows
    found = []
    for item, count in zip(asked, broken, strict=True):
        if count:
            quarantine.put_aside(client, suite, item, looked)
            found.append(_sentence(client, suite, item, int(count)))
    return tuple(found)


def _landed_since(suite: Suite, since: datetime) -> str:
    if since == _BEGINNING:
        return f"SELECT * FROM {suite.table}"
    newer = f"{suite.arrived_at} > {_literal(since)}"
    if suite.is_of_events:
        return f"SELECT * FROM {suite.table} WHERE {newer}"
    ids = f"SELECT {suite.key} FROM {suite.log} WHERE {newer}"
    return f"SELECT * FROM {suite.table} WHERE {suite.key} IN ({ids})"


def _sentence(client: ClickHouseClient, suite: Suite, item: Expectation, count: int) -> str:
    rows = client.query(
        "SELECT toString(row_id) FROM expectations.quarantined WHERE suite = {suite:String}"
        " AND expectation = {name:String} ORDER BY found_at DESC, row_id LIMIT 5",
        parameters={"suite": suite.name, "name": item.name},
    ).result_rows
    first = ", ".join(row[0] for row in rows) or "released"
    return f"{suite.table}, {item.name}: {count} broken, first {first}. {item.why}"


def _too_many(client: ClickHouseClient, suite: Suite, kept_out: int) -> str:
    if kept_out <= quarantine.FEW:
        return ""
    [(all_count,)] = client.query(f"SELECT count() FROM {suite.table}").result_rows
    if kept_out <= min(quarantine.OPEN_LIMIT, all_count * quarantine.SHARE_LIMIT):
        return ""
    return (
        f"{suite.table}: {kept_out} of {all_count} rows are in quarantine, too many to go on"
        f" without them. See `interview-data expectations quarantine list {suite.name}`"
    )


def _remember(
    client: ClickHouseClient, looks: Sequence[Look], reaches: Mapping[str, _Reach]
) -> None:
    """What could not be asked is looked at from the beginning, once it can."""
    rows = []
    for item in looks:
        reach = reaches.get(item.suite.name)
        if reach is None or item.could_not_be_asked:
            rows.append([item.suite.name, "", _BEGINNING, 0, 0, item.blocked_by])
        else:
            reached = [item.suite.definition, reach.until, reach.rows_until, reach.new_count]
            rows.append([item.suite.name, *reached, item.blocked_by])
    client.insert("expectations.looks", rows, column_names=_COLUMNS)


def _plain(error: Error) -> str:
    """The server's own sentence, without its stack and version."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    found = re.search(r"DB::Exception: (.*?)(?: \([A-Z_]+\)|$)", text)
    return (found.group(1) if found else text)[:_MESSAGE_LENGTH]
