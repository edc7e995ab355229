"""One outline's tables and what its sessions do to them, statement by statement.

Belongs here: transactions, savepoints, failures and whose turn it is. One thread leads all sessions
of a story, so its seed decides how their transactions interleave; who would wait for a lock gives
up instead. So a seed repeats its story, whatever else runs; what a kill undoes is another matter.
"""

import threading
from copy import deepcopy
from random import Random

from differential.changes import FORMS, ROWS, insert_very_many, random_change
from differential.outline import Outline
from differential.tables import Table, random_table
from differential.values import own_types
from stores.errors import StoreUnavailable
from stores.postgres.client import Connection, Error, OperationalError, connect

LOCK_TIMEOUT = "SET lock_timeout = '40ms'"
FORM_LOCK_TIMEOUT = "SET lock_timeout = '3s'"


class Session:
    """A connection and what it has begun."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.connection: Connection | None = None
        self.is_open = False
        # The tables as they were, to go back to: at BEGIN, then at each savepoint.
        self.before: list[list[Table]] = []
        self.wants_more = 0
        self.has_changed_form = False

    def let_go(self) -> None:
        """Forget a transaction that is over."""
        self.is_open, self.has_changed_form, self.before = False, False, []


class Story:
    """An outline's story; `log` is what was done, in order."""

    def __init__(self, outline: Outline, url: str) -> None:
        self.outline, self._url, self._left = outline, url, outline.length
        self._chance = Random(outline.seed)
        self.prefix = f"s{outline.seed}"
        names = [f"{self.prefix}_{letter}" for letter in "ab"[: outline.table_count]]
        self.tables = [random_table(self._chance, name, self.prefix, outline) for name in names]
        self._sessions = [Session(number) for number in range(outline.session_count)]
        self.log: list[str] = []
        self.was_narrowed: set[str] = set()

    @property
    def is_over(self) -> bool:
        """Whether everything is done and committed."""
        return self._left <= 0 and not any(session.is_open for session in self._sessions)

    def begin(self, publication: str) -> None:
        """Make the tables, with rows that only the snapshot will see."""
        with connect(self._url, autocommit=True) as connection:
            for statement in own_types(self.prefix):
                connection.execute(statement.encode())
            for table in self.tables:
                for statement in table.create():
                    self._note(0, statement)
                    connection.execute(statement.encode())
            for _ in range(self._chance.randrange(6)):
                table = self._chance.choice(self.tables)
                _, statements = random_change(self._chance, table, ROWS)
                for statement in statements:
                    self._run(Session(0), statement, connection)
            names = ", ".join(table.published for table in self.tables)
            statement = f"ALTER PUBLICATION {publication} ADD TABLE {names}"
            self._note(0, statement)
            connection.execute(statement.encode())

    def step(self) -> None:
        """One turn of one session: a statement or a few, or the end of its transaction."""
        self._left -= 1
        owner = [session for session in self._sessions if session.has_changed_form]
        session = owner[0] if owner else self._chance.choice(self._sessions)
        if not self._connected(session):
            return
        if not session.is_open:
            self._open(session)
        elif session.wants_more <= 0 or self._left <= 0:
            self._end(session)
        else:
            session.wants_more -= 1
            self._change(session)

    def finish(self) -> None:
        """End what is open."""
        for session in self._sessions:
            if session.is_open and self._connected(session):
                self._end(session)
            if session.connection is not None:
                session.connection.close()

    def _open(self, session: Session) -> None:
        if self._run(session, "BEGIN"):
            session.is_open, session.before = True, [deepcopy(self.tables)]
            session.wants_more = self._chance.choice((1, 1, 2, 3, 6, 10))

    def _end(self, session: Session) -> None:
        if self._chance.random() < 0.15:
            self._run(session, "ROLLBACK")
            self._go_back(session, 0)
        elif not self._run(session, "COMMIT"):
            self._go_back(session, 0)
        session.let_go()

    def _change(self, session: Session) -> None:
        turn = self._chance.random()
        if turn < 0.08:
            if self._run(session, f"SAVEPOINT p{len(session.before)}"):
                session.before.append(deepcopy(self.tables))
            return
        if turn < 0.14 and len(session.before) > 1:
            self._to_savepoint(session)
            return
        if turn < 0.17 and len(session.before) > 1:
            if self._run(session, f"RELEASE SAVEPOINT p{len(session.before) - 1}"):
                session.before.pop()
            return
        table = self._chance.choice(self.tables)
        changes_form = self._chance.random() < self.outline.form_share
        if changes_form:
            self._end_others(session)
            session.has_changed_form = True
            self._run(session, FORM_LOCK_TIMEOUT)
        if not changes_form and self._chance.random() < self.outline.large_share:
            name, statements = "insert_very_many", insert_very_many(self._chance, table)
        else:
            name, statements = random_change(self._chance, table, FORMS if changes_form else ROWS)
        if name == "narrow":
            self.was_narrowed.add(table.name)
        for statement in statements:
            if not self._run(session, statement):
                self._recover(session)
                return

    def _end_others(self, session: Session) -> None:
        for other in self._sessions:
            if other is not session and other.is_open and self._connected(other):
                self._end(other)

    def _recover(self, session: Session) -> None:
        """A statement failed: back to the last savepoint, or to the beginning."""
        if session.is_open and len(session.before) > 1 and self._chance.random() < 0.7:
            self._to_savepoint(session)
        else:
            self._run(session, "ROLLBACK")
            self._go_back(session, 0)
            session.let_go()

    def _to_savepoint(self, session: Session) -> None:
        last = len(session.before) - 1
        if self._run(session, f"ROLLBACK TO SAVEPOINT p{last}"):
            self._go_back(session, last)

    def _go_back(self, session: Session, point: int) -> None:
        """The forms as they were; a session that changed none leaves them to the others."""
        if not session.has_changed_form or len(session.before) <= point:
            return
        numbers = {table.name: (table.next_column, table.next_number) for table in self.tables}
        self.tables = deepcopy(session.before[point])
        for table in self.tables:
            table.next_column, table.next_number = numbers[table.name]

    def _connected(self, session: Session) -> bool:
        """Whether there is a connection; a lost one is opened again, its transaction is gone."""
        if session.connection is not None and not session.connection.closed:
            return True
        self._go_back(session, 0)
        session.let_go()
        try:
            session.connection = connect(self._url, autocommit=True)
            session.connection.execute(LOCK_TIMEOUT.encode())
            # The new one may be lost as well, before or while it is asked.
            self._read_forms(session.connection)
        except (StoreUnavailable, OperationalError):
            self._left += 1
            session.connection = None
            threading.Event().wait(0.1)
            return False
        return True

    def _read_forms(self, connection: Connection) -> None:
        """After a lost COMMIT nobody knows which form holds: keep the columns that exist."""
        for table in self.tables:
            found = {
                str(name)
                for (name,) in connection.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass"
                    " AND attnum > 0 AND NOT attisdropped",
                    [table.name],
                ).fetchall()
            }
            table.columns = [column for column in table.columns if column.name in found]

    def _run(self, session: Session, statement: str, connection: Connection | None = None) -> bool:
        used = connection or session.connection
        if used is None:
            return False
        try:
            if statement.startswith("COPY "):
                copy_rows(used, statement)
            else:
                used.execute(statement.encode())
        except Error as error:
            self._note(session.number, f"{statement}  -- failed: {str(error).splitlines()[0]}")
            return False
        self._note(session.number, statement)
        return True

    def _note(self, session: int, statement: str) -> None:
        self.log.append(f"{session}: {statement}")


def copy_rows(connection: Connection, statement: str) -> None:
    """COPY into a table the text of a query's rows."""
    into, query = statement.split(" FROM (", 1)
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY ({query[:-1]}) TO STDOUT".encode()) as source:
            rows = b"".join(bytes(piece) for piece in source)
        with cursor.copy(f"{into} FROM STDIN".encode()) as target:
            target.write(rows)
