"""Landing dead letters: from the dead-letter topics into `platform.dead_letters`.

Belongs here: how a letter becomes a row, once. Letters come from the API and from the writer.
"""

from collections.abc import Sequence

from ingestion.events.landing import Rights
from ingestion.events.tables import Tables
from stores.event_bus.dead_letters import INVALID, DeadLetter, NotADeadLetter, read_line
from stores.event_bus.interface import Delivery, EventBus, spans_of
from stores.event_bus.topics import Topic
from stores.postgres.event_landings import EventLandings


class LetterLanding:
    """One dead-letter topic. Letters are few, and one part each insert: no note is needed."""

    def __init__(
        self,
        topic: Topic,
        bus: EventBus,
        tables: Tables,
        landings: EventLandings,
        rights: Rights,
    ) -> None:
        self.topic_name = topic.dead_letters
        self._topic = topic
        self._bus = bus
        self._tables = tables
        self._landings = landings
        self._rights = rights

    def land(self, deliveries: Sequence[Delivery], pace_seconds: float) -> bool:
        """As Landing.land."""
        if self._rights.take_turn(self.topic_name, pace_seconds) is None:
            return False
        try:
            letters = [letter for item in deliveries for letter in _letters(item)]
            self._rights.check()
            self._tables.bury(self._topic, letters)
        finally:
            self._landings.end_turn(self.topic_name, self._rights.holder)
        self._bus.settle(self.topic_name, spans_of(deliveries))
        return True


def _letters(item: Delivery) -> list[DeadLetter]:
    """What is on a dead-letter topic and is no letter becomes one."""
    found = []
    for number, line in enumerate(item.body.split(b"\n")):
        try:
            found.append(read_line(line))
        except NotADeadLetter as error:
            source = f"bus:{item.place}/{number}"
            found.append(DeadLetter(source, "", INVALID, str(error), line, item.taken))
    return found
