"""Landing one topic's messages so that each id counts once, whatever is killed when.

Belongs here: the order of steps, and what a repetition does. The reasons, and what each kill
leaves behind, are told in docs/decisions/0003-events-exactly-once.md. In short:

1. read messages; ask ClickHouse which of their ids it has;
2. write a note on the bus: these messages, without those ids;
3. insert under a token made of the messages' positions; then acknowledge, which removes the note.

A note that is still there says that an insert may have happened, wholly or in part. Then the
same rows are inserted again under the same token, which fills in what is missing and changes
nothing else, and what should be there is compared with what is.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from ingestion.events.batches import Batch, DeadLetter, read_batch, slices, token_of
from ingestion.events.tables import RowsRefused, Tables
from stores.event_bus.interface import Counts, Delivery, EventBus
from stores.event_bus.rows import USER_EVENT, Kind

logger = logging.getLogger(__name__)

BATCH_LIMIT_EVENTS = 50_000
BATCH_LIMIT_BYTES = 32 * 1024 * 1024
_READ_LIMIT_MESSAGES = 64


@dataclass(frozen=True)
class Note:
    """What the bus remembers of a batch whose insert may have begun."""

    first: str
    last: str
    known_ids: list[str]

    def dump(self) -> bytes:
        """For the bus."""
        return orjson.dumps(self)


class Landing:
    """One topic on its way into its table. One at a time anywhere: the writer holds a lease."""

    def __init__(self, kind: Kind, bus: EventBus, tables: Tables) -> None:
        self._kind = kind
        self._topic = kind.topic
        self._bus = bus
        self._tables = tables

    def settle(self) -> None:
        """Finish what an earlier writer, or an earlier failure, left open."""
        note = self._bus.recall(self._topic.name)
        if note is not None:
            self._repeat(Note(**orjson.loads(note)))
        while deliveries := self._bus.pending(self._topic.name, _READ_LIMIT_MESSAGES):
            self._land(deliveries)

    def step(self) -> int:
        """Land the next batch; how many events it had."""
        deliveries = self._next()
        if deliveries:
            self._land(deliveries)
        return sum(delivery.event_count for delivery in deliveries)

    def _next(self) -> list[Delivery]:
        found: list[Delivery] = []
        events = size = 0
        while events < BATCH_LIMIT_EVENTS and size < BATCH_LIMIT_BYTES:
            part = self._bus.consume(self._topic.name, _READ_LIMIT_MESSAGES)
            if not part:
                break
            found += part
            events += sum(delivery.event_count for delivery in part)
            size += sum(len(delivery.body) for delivery in part)
        return found

    def _land(self, deliveries: Sequence[Delivery]) -> None:
        batch = read_batch(self._kind, deliveries)
        known = self._tables.existing(self._topic, batch.rows)
        note = Note(batch.positions[0], batch.positions[-1], sorted(known))
        self._bus.remember(self._topic.name, note.dump())
        refused = self._insert(batch, known)
        self._acknowledge(batch, known, refused)

    def _repeat(self, note: Note) -> None:
        deliveries = self._bus.between(self._topic.name, note.first, note.last)
        if not deliveries:
            # The bus lost the messages but not the note: nothing can be repeated.
            self._bus.ack(self._topic.name, [note.last], Counts())
            return
        batch = read_batch(self._kind, deliveries)
        known = set(note.known_ids)
        refused = self._insert(batch, known)
        mended = self._mend(batch, known | refused)
        logger.warning(
            "%s: repeated the batch at %s: %d rows, %d of them mended",
            self._topic.name,
            note.first,
            len(batch.rows) - len(known),
            mended,
        )
        self._acknowledge(batch, known, refused)

    def _mend(self, batch: Batch, excepted: set[str]) -> int:
        """Insert what the repetition left out, and bring the view in step.

        ClickHouse notes a token before the part is in place, so a kill between the two makes
        it refuse a repetition of rows that it does not have.
        """
        expected = {row: line for row, line in batch.rows.items() if row not in excepted}
        there = self._tables.existing(self._topic, expected)
        missing = {row: line for row, line in expected.items() if row not in there}
        self._tables.insert(self._topic, list(missing.values()), token_of(batch.token, missing))
        added = 0
        if self._kind is USER_EVENT:
            added = self._tables.repair_view(slices(expected.values()), batch.token)
        return max(len(missing), added)

    def _insert(self, batch: Batch, known: set[str]) -> set[str]:
        """Insert all but the known; the ids of those that ClickHouse refuses, now dead letters."""
        rows = {row: line for row, line in batch.rows.items() if row not in known}
        refused = self._insert_or_split(rows, batch.token, batch.positions[0])
        letters = batch.dead_letters + list(refused.values())
        self._tables.bury(self._topic, letters, f"{batch.token}-dead")
        return set(refused)

    def _insert_or_split(
        self, rows: dict[str, bytes], token: str, source: str
    ) -> dict[str, DeadLetter]:
        """Halve what is refused until the bad rows are alone: one must not hold up the others."""
        try:
            self._tables.insert(self._topic, list(rows.values()), token)
        except RowsRefused as error:
            if len(rows) == 1:
                [(row, line)] = rows.items()
                return {row: DeadLetter(f"{source}/{row}", "", str(error), line)}
            names = list(rows)
            half = len(names) // 2
            halves = (names[:half], names[half:])
            refused: dict[str, DeadLetter] = {}
            for number, part in enumerate(halves):
                refused |= self._insert_or_split(
                    {row: rows[row] for row in part}, f"{token}.{number}", source
                )
            return refused
        return {}

    def _acknowledge(self, batch: Batch, known: set[str], refused: set[str]) -> None:
        settled = Counts(
            landed_count=len(batch.rows) - len(known) - len(refused),
            duplicate_count=batch.duplicate_count + len(known),
            dead_letter_count=len(batch.dead_letters) + len(refused),
        )
        self._bus.ack(self._topic.name, batch.positions, settled)
