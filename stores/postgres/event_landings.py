"""Who may land events just now, and what was begun: rows that all writers share.

Belongs here: leases, turns with their notes, counts and cursors as single statements, so that
nothing needs a transaction around it. When each is used is in `ingestion.events`. Times are the
server's, so the writers' clocks do not matter.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from stores.errors import StateConflict, StoreUnavailable
from stores.event_bus.interface import Counts
from stores.postgres.client import Connection, Error, connect

# A statement that waits longer for a row's lock than this has met somebody who hangs.
_OPTIONS = "-c statement_timeout=10000 -c lock_timeout=5000"

_HOLD = """
INSERT INTO platform.event_leases AS lease (name, holder, held_until)
SELECT wanted, %(holder)s, now() + make_interval(secs => %(seconds)s)
FROM unnest(%(names)s::text[]) AS wanted ORDER BY wanted
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
WHERE lease.held_until < now() OR lease.holder = excluded.holder OR lease.holder = ANY(%(dead)s)
RETURNING name
"""
_TAKE_TURN = """
UPDATE platform.event_landings
SET holder = %(holder)s, held_until = now() + make_interval(secs => %(seconds)s)
WHERE topic = %(topic)s
  AND (holder IS NULL OR held_until < now() OR holder = %(holder)s OR holder = ANY(%(dead)s))
  AND (inserted_at IS NULL OR inserted_at <= now() - make_interval(secs => %(pace)s))
RETURNING note, is_settled
"""
_REMEMBER = """
UPDATE platform.event_landings SET note = %(note)s, is_settled = false, inserted_at = now()
WHERE topic = %(topic)s AND holder = %(holder)s AND held_until > now() AND is_settled
"""
_SETTLE = """
UPDATE platform.event_landings
SET is_settled = true,
    landed_count = landed_count + %(landed_count)s,
    duplicate_count = duplicate_count + %(duplicate_count)s,
    conflict_count = conflict_count + %(conflict_count)s,
    dead_letter_count = dead_letter_count + %(dead_letter_count)s
WHERE topic = %(topic)s AND note = %(note)s AND NOT is_settled
"""


@dataclass(frozen=True)
class Turn:
    """The turn to insert, and the note of the last insert: whether it was `is_settled`."""

    note: bytes | None
    is_settled: bool


class EventLandings:
    """One connection, made again after a failure; one thread at a time."""

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self._connection: Connection | None = None

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._url, autocommit=True, options=_OPTIONS)
            with self._connection.cursor() as cursor:
                yield cursor
        except Error as error:
            self.close()
            text = str(error).partition("\n")[0]
            raise StoreUnavailable(f"DATABASE_URL: PostgreSQL does not answer: {text}") from error

    def _changed(self, query: str, values: dict[str, Any]) -> int:
        with self._cursor() as cursor:
            return int(cursor.execute(query, values).rowcount)

    def _all(self, query: str, values: dict[str, Any] | None = None) -> list[Any]:
        with self._cursor() as cursor:
            return list(cursor.execute(query, values or {}).fetchall())

    # Leases.

    def hold(
        self, names: Iterable[str], holder: str, seconds: float, dead: Sequence[str] = ()
    ) -> set[str]:
        """Those of `names` that `holder` holds from now on: free ones, and those of the `dead`."""
        values = {"names": sorted(names), "holder": holder, "seconds": seconds, "dead": list(dead)}
        if not values["names"]:
            return set()
        return {name for (name,) in self._all(_HOLD, values)}

    def renew(self, holder: str, seconds: float) -> set[str]:
        """Prolong all that `holder` still holds, its turns too; the names of its leases."""
        values = {"holder": holder, "seconds": seconds}
        until = "now() + make_interval(secs => %(seconds)s)"
        self._changed(
            f"UPDATE platform.event_landings SET held_until = {until}"
            " WHERE holder = %(holder)s AND held_until > now()",
            values,
        )
        kept = self._all(
            f"UPDATE platform.event_leases SET held_until = {until}"
            " WHERE holder = %(holder)s AND held_until > now() RETURNING name",
            values,
        )
        return {name for (name,) in kept}

    def holders(self) -> dict[str, str]:
        """Who holds what, by the lease's name."""
        return dict(
            self._all("SELECT name, holder FROM platform.event_leases WHERE held_until > now()")
        )

    def turn_holders(self) -> set[str]:
        """Who has a turn."""
        rows = self._all("SELECT DISTINCT holder FROM platform.event_landings WHERE holder <> ''")
        return {holder for (holder,) in rows}

    def release(self, names: Iterable[str], holder: str) -> None:
        """Give back those of `names` that `holder` holds."""
        values = {"names": list(names), "holder": holder}
        self._changed(
            "DELETE FROM platform.event_leases WHERE name = ANY(%(names)s) AND holder = %(holder)s",
            values,
        )

    def release_all(self, holder: str) -> None:
        """Give back everything, turns too."""
        values = {"holder": holder}
        self._changed("DELETE FROM platform.event_leases WHERE holder = %(holder)s", values)
        self._changed(
            "UPDATE platform.event_landings SET holder = NULL, held_until = NULL"
            " WHERE holder = %(holder)s",
            values,
        )

    # Turns.

    def take_turn(
        self,
        topic: str,
        holder: str,
        seconds: float,
        pace_seconds: float = 0,
        dead: Sequence[str] = (),
    ) -> Turn | None:
        """The turn of `topic`, unless another has it or the last insert is not so long ago."""
        values = {
            "topic": topic,
            "holder": holder,
            "seconds": seconds,
            "pace": pace_seconds,
            "dead": list(dead),
        }
        found = self._all(_TAKE_TURN, values)
        if not found:
            self._changed(
                "INSERT INTO platform.event_landings (topic) VALUES (%(topic)s)"
                " ON CONFLICT DO NOTHING",
                values,
            )
            found = self._all(_TAKE_TURN, values)
        return Turn(found[0][0], found[0][1]) if found else None

    def remember(self, topic: str, holder: str, note: bytes) -> None:
        """Write down what will be inserted. Raises StateConflict where the turn was lost."""
        if not self._changed(_REMEMBER, {"topic": topic, "holder": holder, "note": note}):
            raise StateConflict(f"{topic}: the turn to insert was lost to another writer")

    def settle(self, topic: str, note: bytes, counts: Counts) -> bool:
        """What `note` says is done; counted once. False where it was already."""
        values = {
            "topic": topic,
            "note": note,
            "landed_count": counts.landed_count,
            "duplicate_count": counts.duplicate_count,
            "conflict_count": counts.conflict_count,
            "dead_letter_count": counts.dead_letter_count,
        }
        return self._changed(_SETTLE, values) > 0

    def end_turn(self, topic: str, holder: str) -> None:
        """Let the next one."""
        self._changed(
            "UPDATE platform.event_landings SET holder = NULL, held_until = NULL"
            " WHERE topic = %(topic)s AND holder = %(holder)s",
            {"topic": topic, "holder": holder},
        )

    def totals(self) -> dict[str, Counts]:
        """What became of the events of each topic since it exists."""
        rows = self._all(
            "SELECT topic, landed_count, duplicate_count, conflict_count, dead_letter_count"
            " FROM platform.event_landings"
        )
        return {topic: Counts(*counts) for topic, *counts in rows}

    # Cursors.

    def cursor(self, name: str) -> int:
        """How far `name` has come; 0 at first."""
        rows = self._all(
            "SELECT position FROM platform.event_cursors WHERE name = %(name)s", {"name": name}
        )
        return int(rows[0][0]) if rows else 0

    def move_cursor(self, name: str, position: int) -> None:
        """Never back."""
        self._changed(
            "INSERT INTO platform.event_cursors AS old (name, position)"
            " VALUES (%(name)s, %(position)s)"
            " ON CONFLICT (name) DO UPDATE SET position = excluded.position, moved_at = now()"
            " WHERE old.position < excluded.position",
            {"name": name, "position": position},
        )

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
