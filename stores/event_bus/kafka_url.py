"""kafka://user:password@host:port,host:port/?option=value, read into librdkafka's settings.

Belongs here: what such a URL may say. `kafkas://` is TLS. Options are librdkafka's own names
(`ssl.ca.location`, `sasl.mechanism`), and `replication`: how many copies a topic made here has.
"""

import logging
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from stores.errors import SettingInvalid

SCHEMES = ("kafka", "kafkas")
# What the broker is configured to make.
_DEFAULT_REPLICATION = -1
# What this platform promises is not for an option to take back.
_FIXED = ("enable.idempotence", "acks", "group.id", "enable.auto.commit", "bootstrap.servers")


@dataclass(frozen=True)
class KafkaTarget:
    """Where Kafka is and how it is spoken to; how topics are made there."""

    settings: dict[str, Any]
    partitions: int
    replication: int


def read_url(url: str, partitions: int) -> KafkaTarget:
    """Raises SettingInvalid."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    if parts.scheme not in SCHEMES or not hosts:
        raise SettingInvalid("EVENT_BUS_URL", "must be kafka://host:port, or several by commas")
    options = dict(parse_qsl(parts.query))
    for name in _FIXED:
        if name in options:
            raise SettingInvalid("EVENT_BUS_URL", f"{name} cannot be set there")
    replication = options.pop("replication", str(_DEFAULT_REPLICATION))
    if not replication.lstrip("-").isdigit():
        raise SettingInvalid("EVENT_BUS_URL", "replication must be a number")
    logger = logging.getLogger("interview_data.kafka")
    logger.setLevel(logging.CRITICAL)  # What it says comes to us as errors too.
    settings: dict[str, Any] = {
        "bootstrap.servers": hosts,
        "security.protocol": _protocol(parts.scheme == "kafkas", bool(parts.username)),
        "socket.timeout.ms": 10_000,
        "reconnect.backoff.max.ms": 1000,
        "logger": logger,
    }
    if parts.username:
        settings["sasl.mechanism"] = "PLAIN"
        settings["sasl.username"] = unquote(parts.username)
        settings["sasl.password"] = unquote(parts.password or "")
    return KafkaTarget({**settings, **options}, partitions, int(replication))


def _protocol(is_encrypted: bool, has_user: bool) -> str:
    return ("SASL_" if has_user else "") + ("SSL" if is_encrypted else "PLAINTEXT")
