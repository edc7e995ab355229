"""Servers of one's own in place of embedded stores: asked before anything is started.

Belongs here: whether each answers and can be used, in words that name its setting.
"""

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from stores.errors import PlatformError, SettingInvalid, StoreUnavailable

if TYPE_CHECKING:
    from stores.settings import Settings


def check(settings: "Settings", stores: Iterable[str]) -> None:
    """Raises SettingInvalid or StoreUnavailable for the first of `stores` that is no use."""
    for store in stores:
        setting = _SETTINGS[store]
        try:
            _CHECKS[store](settings)
        except PlatformError as error:
            text = str(error)
            if text.startswith(setting):
                raise
            raise StoreUnavailable(f"{setting}: {text}") from error


def _postgres(settings: "Settings") -> None:
    from stores.postgres.client import connect

    with connect(settings.require("database_url")) as connection:
        row = connection.execute("SHOW wal_level").fetchone()
    if row != ("logical",):
        raise SettingInvalid(
            "DATABASE_URL",
            "the server has not wal_level = logical, which change capture needs.",
            "ALTER SYSTEM SET wal_level = logical, and restart it.",
        )


def _clickhouse(settings: "Settings") -> None:
    from stores.clickhouse.client import Error, connect

    # The driver would print its own account before ours.
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)
    try:
        client = connect(settings.require("clickhouse_url"))
        client.command("SELECT 1")
    except Error as error:
        # The first line says what; the rest is the driver's.
        raise StoreUnavailable(f"CLICKHOUSE_URL: {_first_line(error)}") from error


def _redis(settings: "Settings") -> None:
    from stores.redis_store.client import check as check_redis

    check_redis(settings.require("redis_url"))


def _event_bus(settings: "Settings") -> None:
    from stores.event_bus import connect

    bus = connect(settings.require("event_bus_url"))
    try:
        bus.ping()
    finally:
        bus.close()


def _object_store(settings: "Settings") -> None:
    from stores.object_store.client import check as check_object_store

    check_object_store(settings)


def _search(settings: "Settings") -> None:
    from stores.search.client import check as check_search

    check_search(settings)


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


_CHECKS: dict[str, Callable[[Any], None]] = {
    "postgres": _postgres,
    "clickhouse": _clickhouse,
    "redis": _redis,
    "event-bus": _event_bus,
    "object-store": _object_store,
    "search": _search,
}
_SETTINGS = {
    "postgres": "DATABASE_URL",
    "clickhouse": "CLICKHOUSE_URL",
    "redis": "REDIS_URL",
    "event-bus": "EVENT_BUS_URL",
    "object-store": "S3_ENDPOINT_URL",
    "search": "ELASTICSEARCH_URL",
}
