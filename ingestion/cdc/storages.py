"""Where the rows of captured tables lie in ClickHouse: storages by name, and the views of them.

Belongs here: making, finding, moving and dropping them. Names are exchanged, a storage's comment
stays: it tells whose rows they are. When any of it is done belongs to `registry`.
"""

from collections.abc import Iterable

from ingestion.cdc.catalog import SourceColumn
from ingestion.cdc.layout import (
    OWN_COLUMNS,
    Layout,
    create_storage,
    create_view,
    log_database,
    qualified,
)
from ingestion.cdc.state import CapturedTable
from ingestion.cdc.types import SourceType
from stores.clickhouse.client import ClickHouseClient

SHADOW_MARK = "__resync_"


class Storages:
    """The storages and views of one target database."""

    def __init__(self, client: ClickHouseClient, target_database: str) -> None:
        self._client = client
        self._target = target_database
        self._log = log_database(target_database)

    def prepare(self) -> None:
        """The two databases."""
        for name in (self._target, self._log):
            self._client.command(f"CREATE DATABASE IF NOT EXISTS `{name}` ENGINE = Atomic")

    def make(self, name: str, layout: Layout, mark: str) -> None:
        """An empty one."""
        self._client.command(create_storage(self._log, name, layout, mark))

    def drop(self, name: str) -> None:
        """And all its rows."""
        self._client.command(f"DROP TABLE IF EXISTS {qualified(self._log, name)}")

    def put_in_place(self, shadow: str, final: str) -> None:
        """The shadow takes the name that readers see; what had it is the shadow now."""
        old, new = qualified(self._log, final), qualified(self._log, shadow)
        if self.comment(final) is None:
            self._client.command(f"RENAME TABLE {new} TO {old}")
        else:
            self._client.command(f"EXCHANGE TABLES {new} AND {old}")

    def move(self, table: CapturedTable, old: str, new: str) -> None:
        """Under another name; the table's note follows where it was its storage."""
        self._client.command(
            f"RENAME TABLE {qualified(self._log, old)} TO {qualified(self._log, new)}"
        )
        if table.storage == old:
            table.storage = new

    def show_as(self, target: str, storage: str, layout: Layout) -> None:
        """A view of these columns."""
        self._client.command(create_view(self._target, target, self._log, storage, layout))

    def shown(self) -> set[str]:
        """The names that readers see."""
        rows = self._client.query(
            "SELECT name FROM system.tables WHERE database = {d:String}",
            parameters={"d": self._target},
        ).result_rows
        return {str(name) for (name,) in rows}

    def hide(self, target: str) -> None:
        """Without a view its rows stay."""
        self._client.command(f"DROP VIEW IF EXISTS {qualified(self._target, target)}")

    def show(self, target: str) -> None:
        """A view of what is stored now, which is older than the layout while it is read anew."""
        rows = self._client.query(
            "SELECT name FROM system.columns WHERE database = {d:String} AND table = {t:String}"
            " ORDER BY position",
            parameters={"d": self._log, "t": target},
        ).result_rows
        names = tuple(
            SourceColumn(name, 0, 0, SourceType("text"), True)
            for (name,) in rows
            if name not in OWN_COLUMNS
        )
        self.show_as(target, target, Layout(names, ()))

    def find(self, table: CapturedTable) -> None:
        """A session that died between a RENAME and its note left the storage elsewhere."""
        if not table.storage_mark or self.is_ours(table.storage, table):
            return
        rows = self._client.query(
            "SELECT name FROM system.tables WHERE database = {d:String} AND comment = {c:String}",
            parameters={"d": self._log, "c": table.storage_mark},
        ).result_rows
        if rows and rows[0][0] != table.target:
            table.storage = str(rows[0][0])

    def in_place(self, tables: Iterable[CapturedTable]) -> set[int]:
        """Tables whose storage is where it was noted to be, which most are: one question."""
        rows = self._client.query(
            "SELECT name, comment FROM system.tables WHERE database = {d:String}",
            parameters={"d": self._log},
        ).result_rows
        marks = {str(name): str(comment) for name, comment in rows}
        return {
            table.oid
            for table in tables
            if table.storage_mark
            and marks.get(table.storage) == table.storage_mark
            and (table.storage == table.target or marks.get(table.target) != table.storage_mark)
        }

    def drop_orphans(self, used: set[str]) -> None:
        """Shadows of a session that died; ours are in no table's notes any more."""
        rows = self._client.query(
            "SELECT name FROM system.tables WHERE database = {d:String}"
            " AND match(name, {p:String})",
            parameters={"d": self._log, "p": f"{SHADOW_MARK}[0-9a-f]{{8}}$"},
        ).result_rows
        for (name,) in rows:
            if name not in used:
                self.drop(name)

    def is_ours(self, name: str, table: CapturedTable) -> bool:
        """Whether the storage of this name is the one this table's last snapshot made."""
        return self.comment(name) == table.storage_mark

    def comment(self, name: str) -> str | None:
        """Whose rows are in the storage of this name; None where there is none."""
        rows = self._client.query(
            "SELECT comment FROM system.tables WHERE database = {d:String} AND name = {t:String}",
            parameters={"d": self._log, "t": name},
        ).result_rows
        return str(rows[0][0]) if rows else None
