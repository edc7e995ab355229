"""How Redis is reached. Which keys it holds, and in which database, is in `keys.py`."""

from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.exceptions import RedisError

from stores.errors import StoreUnavailable
from stores.redis_store.keys import Database
from stores.settings import load_settings

CONNECT_TIMEOUT_SECONDS = 5
ANSWER_TIMEOUT_SECONDS = 5

# What callers catch and name, so that they need not import the driver.
Error = RedisError
RedisClient = redis.Redis


def connect(database: Database, url: str | None = None, **options: Any) -> "redis.Redis":
    """A client of one database of `url`, by default of REDIS_URL. Answers are str.

    It connects with its first command, may be shared by threads, and says what the
    driver says: `check` is for those who want to know now.
    """
    target = at_database(url or load_settings().require("redis_url"), database)
    options.setdefault("socket_connect_timeout", CONNECT_TIMEOUT_SECONDS)
    options.setdefault("socket_timeout", ANSWER_TIMEOUT_SECONDS)
    options.setdefault("decode_responses", True)
    # Named, because the shape of some answers differs between the protocols' versions.
    options.setdefault("protocol", 3)
    return redis.Redis.from_url(target, **options)


def at_database(url: str, database: Database) -> str:
    """`url` with the number of `database` as its path."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{int(database)}"))


def check(url: str | None = None) -> None:
    """Raises StoreUnavailable naming REDIS_URL where nobody answers."""
    try:
        with connect(Database.SESSIONS, url) as client:
            client.ping()
    except RedisError as error:
        raise StoreUnavailable(f"REDIS_URL: Redis does not answer: {error}") from error
