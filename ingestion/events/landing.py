"""Landing one topic's messages so that each id counts once, whatever is killed when.

Belongs here: the order of steps, and what a repetition does. The reasons, and what each kill
leaves behind, are told in docs/decisions/0003-events-exactly-once.md. In short:

1. read messages; when it is our turn, ask ClickHouse which of their ids it has;
2. write a note beside the turn: these messages, without those ids;
3. insert under a token made of the messages' positions; settle the note, then the messages.

A note that is not settled says that an insert may have happened, wholly or in part. Then the
same rows are inserted again under the same token, which fills in what is missing and changes
nothing else, and what should be there is compared with what is. A settled note whose messages
come again says that only the bus was not told.
"""

import logging
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from ingestion.events.batches import Batch, read_batch, slices, token_of
from ingestion.events.tables import RowsRefused, Tables
from stores.errors import StateConflict, StoreBusy
from stores.event_bus import dead_letters
from stores.event_bus.dead_letters import CONFLICT, REFUSED, DeadLetter
from stores.event_bus.interface import Counts, Delivery, EventBus, Span
from stores.event_bus.rows import USER_EVENT, Kind
from stores.postgres.event_landings import EventLandings, Turn

logger = logging.getLogger(__name__)


class Rights(Protocol):
    """What a writer may do; see `membership.py`."""

    holder: str

    def check(self) -> None:
        """Raises StateConflict where it may have lost what it held."""

    def owned(self, topic: str) -> set[int]:
        """The partitions that it may read."""

    def take_turn(self, topic: str, pace_seconds: float) -> Turn | None:
        """The turn to insert, if it is to be had now."""


@dataclass(frozen=True)
class Note:
    """What is remembered of a batch whose insert may have begun."""

    token: str
    spans: list[Span]
    known_ids: list[str]

    def dump(self) -> bytes:
        """To be kept."""
        return orjson.dumps(self, default=list)

    @classmethod
    def load(cls, data: bytes) -> "Note":
        """As it was kept."""
        found = orjson.loads(data)
        return cls(**(found | {"spans": [Span(*span) for span in found["spans"]]}))


class Landing:
    """One topic on its way into its table; others may do the same, each in its turn."""

    def __init__(
        self,
        kind: Kind,
        bus: EventBus,
        tables: Tables,
        landings: EventLandings,
        rights: Rights,
    ) -> None:
        self.topic_name = kind.topic.name
        self._kind = kind
        self._topic = kind.topic
        self._bus = bus
        self._tables = tables
        self._landings = landings
        self._rights = rights

    def land(self, deliveries: Sequence[Delivery], pace_seconds: float) -> bool:
        """Land `deliveries`, or answer False where it is not our turn yet."""
        turn = self._rights.take_turn(self.topic_name, pace_seconds)
        if turn is None:
            return False
        try:
            fresh = self._after(turn, deliveries)
            owned = self._rights.owned(self.topic_name)
            fresh = [item for item in fresh if item.partition in owned]
            if fresh:
                self._land(fresh)
        finally:
            self._landings.end_turn(self.topic_name, self._rights.holder)
        return True

    def _after(self, turn: Turn, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Finish what `turn` says was begun; those of `deliveries` that it did not hold."""
        if turn.note is None:
            return list(deliveries)
        note = Note.load(turn.note)
        if not turn.is_settled and not self._repeat(note, turn.note):
            return list(deliveries)
        spans = {span.partition: span for span in note.spans}
        fresh = [item for item in deliveries if not _is_in(spans.get(item.partition), item)]
        if len(fresh) < len(deliveries):
            self._bus.settle(self.topic_name, note.spans)
        return fresh

    def _land(self, deliveries: Sequence[Delivery]) -> None:
        batch = self._batch(deliveries)
        known = self._tables.existing(self._topic, batch.rows)
        data = Note(batch.token, batch.spans, sorted(known)).dump()
        self._landings.remember(self.topic_name, self._rights.holder, data)
        self._rights.check()
        refused = self._insert(batch, known)
        self._settle(batch, known, data, refused)

    def _batch(self, deliveries: Sequence[Delivery]) -> Batch:
        """In the order of places: a repetition reads the partitions one after the other."""
        return read_batch(self._kind, sorted(deliveries, key=_place_of))

    def _repeat(self, note: Note, data: bytes) -> bool:
        """Bring `note` to its end; False where its messages are not there any more."""
        deliveries = [
            item for span in note.spans for item in self._bus.between(self.topic_name, span)
        ]
        batch = self._batch(deliveries)
        if batch.token != note.token:
            # The bus lost the messages but not the note: nothing can be repeated.
            logger.warning("%s: the batch of an open note is not on the bus", self.topic_name)
            self._landings.settle(self.topic_name, data, Counts())
            return False
        # What was there before the insert, and what of it is there now.
        known = dict.fromkeys(note.known_ids, 0) | self._tables.existing(
            self._topic, note.known_ids
        )
        refused = self._insert(batch, known)
        mended = self._mend(batch, {*known, *refused})
        logger.warning(
            "%s: repeated the batch at %s: %d rows, %d of them mended",
            self.topic_name,
            note.spans[0].first,
            len(batch.rows) - len(known),
            mended,
        )
        self._settle(batch, known, data, refused)
        return True

    def _mend(self, batch: Batch, excepted: set[str]) -> int:
        """Insert what the repetition left out, and bring the view in step.

        ClickHouse notes a token before the part is in place, so a kill between the two makes
        it refuse a repetition of rows that it does not have.
        """
        expected = batch.bodies(row for row in batch.rows if row not in excepted)
        there = self._tables.existing(self._topic, expected)
        missing = {row: line for row, line in expected.items() if row not in there}
        self._tables.insert(self._topic, list(missing.values()), token_of(batch.token, missing))
        added = 0
        if self._kind is USER_EVENT:
            added = self._tables.repair_view(slices(expected.values()), batch.token)
        return max(len(missing), added)

    def _insert(self, batch: Batch, known: Container[str]) -> dict[str, DeadLetter]:
        """Insert all but the known; those that ClickHouse refuses, by id."""
        rows = batch.bodies(row for row in batch.rows if row not in known)
        return self._insert_or_split(batch, rows, batch.token)

    def _insert_or_split(
        self, batch: Batch, rows: dict[str, bytes], token: str
    ) -> dict[str, DeadLetter]:
        """Halve what is refused until the bad rows are alone: one must not hold up the others."""
        try:
            self._tables.insert(self._topic, list(rows.values()), token, batch.traces)
        except RowsRefused as error:
            if len(rows) == 1:
                [row] = rows
                return {row: batch.rows[row].letter(REFUSED, str(error))}
            names = list(rows)
            half = len(names) // 2
            refused: dict[str, DeadLetter] = {}
            for number, part in enumerate((names[:half], names[half:])):
                refused |= self._insert_or_split(
                    batch, {row: rows[row] for row in part}, f"{token}.{number}"
                )
            return refused
        return {}

    def _settle(
        self,
        batch: Batch,
        known: Mapping[str, int | None],
        data: bytes,
        refused: Mapping[str, DeadLetter],
    ) -> None:
        """Letters first, for what is settled is not read again; then count, then tell the bus."""
        resent = batch.resent(known)
        conflicts = [
            *self._tables.conflicting(self._topic, resent, known),
            *batch.contradicting(known),
        ]
        reason = "the id came before with something else, which counts"
        letters = [
            *(line.letter(CONFLICT, reason, self._topic.id_column) for line in conflicts),
            *batch.dead_letters,
            *refused.values(),
        ]
        self._bury(letters)
        new = len(batch.rows) - len(known)
        counts = Counts(
            landed_count=new - len(refused),
            duplicate_count=len(batch.rows) + len(batch.repeated) - new - len(conflicts),
            conflict_count=len(conflicts),
            dead_letter_count=len(batch.dead_letters) + len(refused),
        )
        if not self._landings.settle(self.topic_name, data, counts):
            raise StateConflict(f"{self.topic_name}: another writer has settled this batch")
        self._bus.settle(self.topic_name, batch.spans)
        if conflicts:
            logger.warning(
                "%s: %d events say something else than their id did before",
                self.topic_name,
                len(conflicts),
            )

    def _bury(self, letters: Sequence[DeadLetter]) -> None:
        """By their topic; where the bus is full straight into their table, for what makes room
        on it must not need any.
        """
        try:
            self._bus.publish(self._topic.dead_letters, list(dead_letters.messages(letters)))
        except StoreBusy:
            self._tables.bury(self._topic, letters)


def _is_in(span: Span | None, item: Delivery) -> bool:
    return span is not None and (_order(span.first) <= _order(item.position) <= _order(span.last))


def _place_of(item: Delivery) -> tuple[int, tuple[int, ...]]:
    return item.partition, _order(item.position)


def _order(position: str) -> tuple[int, ...]:
    """Positions are numbers, or two of them with a dash."""
    return tuple(int(part) for part in position.split("-"))
