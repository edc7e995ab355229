"""One query of one request: its connection, its settings, its run, its end.

Belongs here: putting a statement before the engine the way HTTP asks for it, and undoing
afterwards what must not outlive the request. How the answer is written is the handler's.
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from stores.local.clickhouse_http.bodies import DataFile
from stores.local.clickhouse_http.engine import (
    DEFAULT_DATABASE,
    QUERY_ID_SETTING,
    Connection,
    Engine,
    Output,
    Stream,
    quote,
    quote_name,
)
from stores.local.clickhouse_http.exceptions import ClickHouseException, Code
from stores.local.clickhouse_http.native_format import (
    WITH_BLOCK_INFO,
    WITH_SERIALIZATIONS,
    VersionedStream,
)
from stores.local.clickhouse_http.parameters import Parameters
from stores.local.clickhouse_http.sessions import Session
from stores.local.clickhouse_http.statement import Kind, Statement, tokens

IDENTIFIER_PARAMETER = re.compile(rb"\{\s*(\w+)\s*:\s*Identifier\s*\}")


@dataclass
class Query:
    """A statement on a connection, ready to run."""

    engine: Engine
    connection: Connection
    session: Session | None
    parameters: Parameters
    query_id: str
    _temporary: list[str] = field(default_factory=list)
    _moved: bool = False

    def prepare(self, external: Mapping[str, DataFile]) -> None:
        """Settings, database and external tables of this request."""
        database = self.parameters.get("database")
        current = self.session.database if self.session else DEFAULT_DATABASE
        if database and database != current:
            self.connection.run(f"USE {quote_name(database)}")
            self._moved = True
        settings = dict(self.parameters.settings)
        readonly = settings.pop("readonly", "0")
        if external:
            # How a file is parsed is said by settings, and readonly would forbid to fill a table.
            self.connection.assign(settings)
            for name, data in external.items():
                self._add_table(name, data)
        settings[QUERY_ID_SETTING] = self.query_id
        if readonly != "0" and self.session is None:
            settings["readonly"] = readonly
        self.connection.assign(settings)

    def _add_table(self, name: str, data: DataFile) -> None:
        structure = self.parameters.get(f"{name}_structure")
        types = self.parameters.get(f"{name}_types")
        if not structure and types:
            parts = _split_types(types)
            structure = ", ".join(f"_{index} {kind}" for index, kind in enumerate(parts, 1))
        if not structure:
            raise ClickHouseException(
                Code.BAD_ARGUMENTS,
                f"External table {name} needs {name}_structure or {name}_types",
            )
        table = quote_name(name)
        self.connection.run(f"CREATE TEMPORARY TABLE {table} ({structure})")
        self._temporary.append(name)
        result_format = self.parameters.get(f"{name}_format", "TabSeparated")
        self.connection.run(
            f"INSERT INTO {table} FROM INFILE {quote(data.path)} FORMAT {result_format}"
        )

    def check_readonly(self, statement: Statement) -> None:
        """In a session the engine's own readonly could not be taken back, so it is ours."""
        readonly = self.parameters.settings.get("readonly", "0")
        if readonly == "0" or self.session is None:
            return
        if statement.kind is Kind.SET and readonly == "2":
            return
        if not self.connection.is_read_only(statement.text):
            raise ClickHouseException(Code.READONLY, "Cannot execute query in readonly mode.")

    def start(self, statement: Statement, result_format: str) -> Stream:
        """Run what returns rows."""
        text, at = statement.text, statement.output_at
        if statement.kind is Kind.KILL:
            text, at = self._kill_by_our_names(statement)
        output = Output(text, at, result_format, statement.is_select)
        bound = self.parameters.bound
        stream = self.engine.stream(self.connection, output, bound, self.query_id)
        version = self.parameters.number("client_protocol_version", 0)
        if result_format != "Native" or not WITH_BLOCK_INFO <= version < WITH_SERIALIZATIONS:
            return stream
        return VersionedStream(stream, lambda: self._types(text[:at]))

    def _types(self, sql: bytes) -> list[str]:
        """The types of a SELECT's columns, asked on a connection of its own."""
        connection = self.engine.connect()
        try:
            database = self.parameters.get("database") or (
                self.session.database if self.session else ""
            )
            if database:
                connection.run(f"USE {quote_name(database)}")
            connection.assign(self.parameters.settings)
            sql = b"DESCRIBE TABLE (" + sql + b"\n)"
            rows = connection.run(sql, "JSONCompactEachRow", self.parameters.bound)
            return [json.loads(row)[1] for row in rows.splitlines()]
        except ClickHouseException:
            # A temporary table is not seen from there; the zones are left out, the rows are right.
            return []
        finally:
            connection.close()

    def _kill_by_our_names(self, statement: Statement) -> tuple[bytes, int]:
        new = f"Settings['{QUERY_ID_SETTING}']".encode()
        text, at = bytearray(statement.text), statement.output_at
        found = [piece for piece in tokens(statement.text) if piece.word == "QUERY_ID"]
        for piece in reversed(found):
            text[piece.start : piece.end] = new
            at += len(new) - (piece.end - piece.start) if piece.start < at else 0
        return bytes(text), at

    def insert(self, statement: Statement, data: DataFile) -> None:
        """Run an INSERT with its data."""
        if statement.kind is Kind.INSERT_SELECT:
            self._insert_from_input(statement, data)
            return
        head, rest = statement.text[: statement.output_at], statement.text[statement.output_at :]
        source = f"\nFROM INFILE {quote(data.path)}\n".encode()
        closing = f"\nFORMAT {statement.format or 'Values'}".encode()
        self.run(self._with_names(head) + source + rest + closing)

    def _insert_from_input(self, statement: Statement, data: DataFile) -> None:
        """The engine silently takes no rows for input(), so they go through a table."""
        pieces = list(tokens(statement.text))
        found = next(index for index, piece in enumerate(pieces) if piece.word == "INPUT")
        opening, literal, closing = pieces[found + 1 : found + 4]
        if (opening.text, closing.text) != (b"(", b")"):
            raise ClickHouseException(Code.BAD_ARGUMENTS, "input() takes one literal, a structure")
        structure = re.sub(rb"\\(.)", rb"\1", literal.text[1:-1]).decode()
        name = f"_input_{uuid.uuid4().hex}"
        self.connection.run(f"CREATE TEMPORARY TABLE {name} ({structure})")
        self._temporary.append(name)
        self.run(
            f"INSERT INTO {name} FROM INFILE {quote(data.path)} FORMAT {statement.format}".encode()
        )
        text = statement.text
        self.run(text[: pieces[found].start] + name.encode() + text[closing.end :])
        self.connection.run(f"DROP TEMPORARY TABLE IF EXISTS {name}")

    def _with_names(self, head: bytes) -> bytes:
        """The engine does not take {x:Identifier} together with a file."""
        bound = self.parameters.bound

        def name(found: re.Match[bytes]) -> bytes:
            value = bound.get(found.group(1).decode())
            if value is None:
                return found.group()
            return b".".join(quote_name(part).encode() for part in value.split("."))

        return IDENTIFIER_PARAMETER.sub(name, head)

    def run(self, sql: bytes, result_format: str = "TSV") -> bytes:
        """Run what returns nothing or little."""
        return self.connection.run(sql, result_format, self.parameters.bound)

    def timezone(self) -> str:
        """The time zone that times without one are shown in."""
        asked = self.parameters.settings.get("session_timezone")
        if not asked and self.session is not None:
            written = self.session.assignments.get("session_timezone", b"")
            asked = written.decode("utf-8", "replace").strip("'")
        return asked or self.engine.timezone

    def remember(self, statement: Statement) -> None:
        """Keep what a SET or USE in a session has changed, to come back to it."""
        if self.session is None:
            return
        self.session.assignments.update(statement.assignments)
        first = next(tokens(statement.text), None)
        if first is not None and first.word == "USE":
            found = self.connection.run("SELECT currentDatabase()")
            self.session.database = found.decode().rstrip("\n")
            self._moved = False

    def restore(self) -> None:
        """Take this request's settings and tables out of the session."""
        if self.session is None:
            return
        for name in self._temporary:
            self.connection.run(f"DROP TEMPORARY TABLE IF EXISTS {quote_name(name)}")
        if self._moved:
            self.connection.run(f"USE {quote_name(self.session.database)}")
        known = self.session.assignments
        names = [name for name in self.parameters.settings if name != "readonly"]
        values = [known.get(name, b"DEFAULT").decode("utf-8", "surrogateescape") for name in names]
        again = [f"{name} = {value}" for name, value in zip(names, values, strict=True)]
        if again:
            self.connection.run(f"SET {', '.join(again)}")


def _split_types(types: str) -> list[str]:
    """Split at the commas that are not inside a type."""
    pieces = list(tokens(types.encode()))
    cuts = [piece.start for piece in pieces if piece.text == b"," and piece.depth == 0]
    starts, ends = [0, *(cut + 1 for cut in cuts)], [*cuts, len(types.encode())]
    return [types.encode()[a:b].decode().strip() for a, b in zip(starts, ends, strict=True)]
