"""The durable log between the API and ClickHouse: the interface, and what is behind it.

Belongs here: choosing the implementation by EVENT_BUS_URL. Everybody else imports the
interface from `stores.event_bus.interface` and asks here for a bus.
"""

from urllib.parse import urlsplit

from stores.errors import SettingInvalid
from stores.event_bus.interface import AsyncPublisher, EventBus
from stores.settings import load_settings

_SUPPORTED = "redis://, rediss:// (Redis 7.2 or newer, or Valkey, with an append-only file)"


def connect(url: str | None = None) -> EventBus:
    """The bus at `url`, by default EVENT_BUS_URL. Raises SettingInvalid."""
    target = _checked(url)
    from stores.event_bus.redis_streams import RedisStreams

    return RedisStreams(target)


def connect_async(url: str | None = None) -> AsyncPublisher:
    """A publisher to the bus at `url`, by default EVENT_BUS_URL. Raises SettingInvalid."""
    target = _checked(url)
    from stores.event_bus.redis_streams import RedisStreamsPublisher

    return RedisStreamsPublisher(target)


def _checked(url: str | None) -> str:
    target = url or load_settings().require("event_bus_url")
    scheme = urlsplit(target).scheme
    if scheme not in ("redis", "rediss"):
        raise SettingInvalid("EVENT_BUS_URL", f"{scheme}:// is not supported; use {_SUPPORTED}.")
    return target
