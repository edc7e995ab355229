"""A dead letter as it travels on a topic's dead-letter topic: one line of JSON each.

Belongs here: its shape, for the API that refuses events, for the writer that finds what cannot
be landed, and for the one that lands the letters themselves. Bytes travel as base64, for a letter
may be anything.
"""

import base64
import binascii
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from stores.event_bus.interface import Message

# Rules that the writer breaks events by, beside those that the API names.
CONFLICT = "conflict"
INVALID = "invalid"
REFUSED = "refused"
BODY_LIMIT_BYTES = 256 * 1024
MESSAGE_LIMIT_BYTES = 512 * 1024
_NAMESPACE = uuid.UUID("7ab1c0de-58a3-5a0f-8f0e-2f1f9f0d5a01")


class NotADeadLetter(ValueError):
    """A line on a dead-letter topic that is none itself."""


@dataclass(frozen=True)
class DeadLetter:
    """What could not be handled: its bytes, which rule of which field, from where and when.

    `source` says who or where: `key:ID` for what the API refused, `bus:PLACE` for what the writer
    found. `event_id` and `field` are empty where they are not known. `rule` is a short name, such
    as `conflict`; `reason` the sentence for it.
    """

    source: str
    field: str
    rule: str
    reason: str
    body: bytes
    received_at: datetime
    event_id: str = ""

    def identity(self, topic: str) -> uuid.UUID:
        """The same for the same letter, so that one published twice is kept once."""
        head = "\n".join((topic, self.source, self.event_id, self.field, self.rule))
        return uuid.uuid5(_NAMESPACE, f"{head}\n{self.body.hex()}")

    def line(self) -> bytes:
        """As it travels. A body over the limit is cut, and its reason says so."""
        body, reason = self.body, self.reason
        if len(body) > BODY_LIMIT_BYTES:
            reason = f"{reason} (cut from {len(body)} bytes)"
            body = body[:BODY_LIMIT_BYTES]
        return orjson.dumps(
            {
                "source": self.source,
                "field": self.field,
                "rule": self.rule,
                "reason": reason,
                "event_id": self.event_id,
                "body_base64": base64.b64encode(body).decode(),
                "received_at": self.received_at.astimezone(UTC).isoformat(timespec="milliseconds"),
            }
        )


def read_line(line: bytes) -> DeadLetter:
    """The letter of a line. Raises NotADeadLetter."""
    try:
        found = orjson.loads(line)
        return DeadLetter(
            source=str(found["source"]),
            field=str(found["field"]),
            rule=str(found["rule"]),
            reason=str(found["reason"]),
            event_id=str(found["event_id"]),
            body=base64.b64decode(found["body_base64"], validate=True),
            received_at=datetime.fromisoformat(found["received_at"]).astimezone(UTC),
        )
    except (ValueError, KeyError, TypeError, OverflowError, binascii.Error) as error:
        raise NotADeadLetter(f"not a dead letter: {type(error).__name__}") from None


def messages(letters: Iterable[DeadLetter]) -> Iterator[Message]:
    """Pack letters for `publish(topic.dead_letters, …)`."""
    part: list[bytes] = []
    size = 0
    for letter in letters:
        line = letter.line()
        if part and size + len(line) > MESSAGE_LIMIT_BYTES:
            yield Message(b"\n".join(part), len(part))
            part, size = [], 0
        part.append(line)
        size += len(line)
    if part:
        yield Message(b"\n".join(part), len(part))
