"""Metered usage by month: PostgreSQL's ledger = the captured entries = the rollup = Redis' counter.

Belongs here: comparing the places. Redis is compared where it keeps a counter; a place without an
amount has 0 of it.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date

from operations.reconciliation.places import PLACES, Amounts, Key, next_month, read_usage
from operations.reconciliation.reasons import read_standing, reasons
from operations.reconciliation.report import LISTED_AT_MOST, Difference, Reconciled
from stores.clickhouse.client import ClickHouseClient
from stores.postgres.client import Connection

RESOURCES = ("analysis", "interviews", "storage")
_FIRST, _END = date(1970, 1, 1), date(2149, 6, 1)
_PAUSE_SECONDS = 1.0


def reconcile_usage(
    postgres: Connection,
    clickhouse: ClickHouseClient,
    month: date | None = None,
    patience_seconds: float = 0.0,
) -> Iterator[Reconciled]:
    """Each resource in `month`, or in each month that any place knows.

    What differs is looked at again until nothing does or `patience_seconds` have passed, and is
    told if it has differed all the time by the same amounts of the ledger: what was still moving
    is on its way, not lost.
    """
    first, end = (month, next_month(month)) if month else (_FIRST, _END)
    give_up_at = time.monotonic() + patience_seconds
    places = read_usage(postgres, clickhouse, first, end)
    differing = _differing(places)
    while differing and time.monotonic() < give_up_at:
        time.sleep(_PAUSE_SECONDS)
        before = places
        places = read_usage(postgres, clickhouse, first, end)
        differing = {
            key
            for key in _differing(places) & differing
            if places["postgres"].get(key) == before["postgres"].get(key)
        }
    yield from _items(places, differing, postgres, clickhouse, month)


def _differing(places: Mapping[str, Amounts]) -> set[Key]:
    return {key for key in _keys(places) if len(set(_amounts(places, key).values()) - {None}) > 1}


def _keys(places: Mapping[str, Amounts]) -> set[Key]:
    return {key for amounts in places.values() for key in amounts}


def _amounts(places: Mapping[str, Amounts], key: Key) -> dict[str, int | None]:
    return {
        place: places[place].get(key) if place == "redis" else places[place].get(key, 0)
        for place in PLACES
    }


def _items(
    places: Mapping[str, Amounts],
    differing: set[Key],
    postgres: Connection,
    clickhouse: ClickHouseClient,
    month: date | None,
) -> Iterator[Reconciled]:
    standing = read_standing(postgres, clickhouse) if differing else None
    keys: dict[tuple[str, date], list[Key]] = defaultdict(list)
    if month:
        keys.update({(resource, month): [] for resource in RESOURCES})
    for key in _keys(places):
        keys[key[2], key[0]].append(key)
    for (resource, its_month), its_keys in sorted(keys.items()):
        found = sorted(differing.intersection(its_keys))
        yield Reconciled(
            subject=resource,
            month=its_month,
            compared_count=len(its_keys),
            totals=_totals(places, its_keys),
            differing_count=len(found),
            differences=tuple(
                Difference(
                    key[1],
                    resource,
                    _amounts(places, key),
                    reasons(key, _amounts(places, key), standing, postgres, clickhouse),
                )
                for key in found[:LISTED_AT_MOST]
                if standing is not None
            ),
        )


def _totals(places: Mapping[str, Amounts], keys: list[Key]) -> dict[str, int | None]:
    """What each place adds up to; of Redis, what it keeps, and none where it keeps nothing."""
    totals: dict[str, int | None] = {
        place: sum(places[place].get(key, 0) for key in keys) for place in PLACES
    }
    if not any(key in places["redis"] for key in keys):
        totals["redis"] = None
    return totals
