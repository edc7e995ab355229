"""The durable log between the API and ClickHouse: the interface, and what is behind it.

Belongs here: choosing the implementation by EVENT_BUS_URL. Everybody else imports the
interface from `stores.event_bus.interface` and asks here for a bus.
"""

from urllib.parse import urlsplit

from stores.errors import SettingInvalid
from stores.event_bus.interface import AsyncPublisher, EventBus
from stores.settings import Settings, load_settings

_REDIS = ("redis", "rediss")
_KAFKA = ("kafka", "kafkas")
_SUPPORTED = (
    "redis://, rediss:// (Redis 7.2 or newer, or Valkey, with an append-only file),"
    " kafka:// or kafkas:// (Apache Kafka 2.4 or newer)"
)


def connect(url: str | None = None) -> EventBus:
    """The bus at `url`, by default EVENT_BUS_URL. Raises SettingInvalid."""
    settings = load_settings()
    target = _checked(url, settings)
    count = settings.event_bus_partitions
    if _scheme(target) in _KAFKA:
        from stores.event_bus.kafka import KafkaBus

        return KafkaBus(target, count)
    from stores.event_bus.redis_streams import RedisStreams

    return RedisStreams(target, count, settings.event_bus_keep_hours)


def connect_async(url: str | None = None) -> AsyncPublisher:
    """A publisher to the bus at `url`, by default EVENT_BUS_URL. Raises SettingInvalid."""
    settings = load_settings()
    target = _checked(url, settings)
    if _scheme(target) in _KAFKA:
        from stores.event_bus.kafka import KafkaPublisher

        return KafkaPublisher(target, settings.event_bus_partitions)
    from stores.event_bus.redis_streams import RedisStreamsPublisher

    return RedisStreamsPublisher(target, settings.event_bus_partitions)


def _scheme(url: str) -> str:
    return urlsplit(url).scheme


def _checked(url: str | None, settings: Settings) -> str:
    target = url or settings.require("event_bus_url")
    if _scheme(target) not in (*_REDIS, *_KAFKA):
        raise SettingInvalid(
            "EVENT_BUS_URL", f"{_scheme(target)}:// is not supported; use {_SUPPORTED}."
        )
    return target
