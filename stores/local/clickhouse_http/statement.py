"""Reading SQL just as far as HTTP needs: what kind it is, its FORMAT, where its data begins.

Belongs here: splitting a request's text into statement and data, and finding the clauses the
endpoint acts on. The engine alone judges whether a statement is right.

Data of an INSERT are bytes, never text: they begin after the format's name, blanks and at most
one line break. A second 0x0A is data, as any other byte is.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from stores.local.clickhouse_http.exceptions import ClickHouseException, Code

TOKEN = re.compile(
    rb"""
    (?P<blank> \s+ | \xc2[\x85\xa0] | \xe2\x80[\x80-\x8f\xa8\xa9\xaf] | \xe3\x80\x80 | \xef\xbb\xbf
      | (?:--|//)[^\n]* | \#[ !][^\n]* | /\*.*?\*/ )
  | (?P<quoted> '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `(?:[^`\\]|\\.|``)*`
      | \$(?P<tag>\w*)\$.*?\$(?P=tag)\$ )
  | (?P<word> [A-Za-z_\x80-\xff][\w\x80-\xff$]* )
  | (?P<number> \d[\w.]* )
  | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
AFTER_FORMAT = re.compile(rb"[ \t\f]*(?:;[ \t\f]*)?\r?\n?")
AFTER_VALUES = re.compile(rb"\s*")
LOCAL_ENGINES = frozenset(["FILE", "EXECUTABLE", "EXECUTABLEPOOL", "FILESYSTEM", "SQLITE"])
LOCAL_SOURCES = frozenset(["FILE", "EXECUTABLE", "EXECUTABLE_POOL"])
# One reads any file of the machine, the other the variables of this very process.
LOCAL_FUNCTIONS = frozenset(["FILE", "PYTHON"])
# Behind these a bracket opens a list of columns, except where a table function is described.
BEFORE_A_TABLE = frozenset([".", "INTO", "TABLE", "EXISTS"])
ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|N|(.))", re.DOTALL)
READING_WORDS = ["SELECT", "WITH", "FROM", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK"]
RESULT_WORDS = frozenset([*READING_WORDS, "KILL", "("])
# SET followed by one of these does not name a setting.
OTHER_SETS = frozenset(["ROLE", "DEFAULT", "TRANSACTION"])


class Kind(Enum):
    """What a statement needs from the endpoint."""

    RESULT = auto()  # rows come back
    COMMAND = auto()  # nothing comes back
    INSERT = auto()  # data follow the statement
    INSERT_SELECT = auto()  # data follow, read by input()
    SET = auto()
    KILL = auto()


@dataclass(frozen=True)
class Token:
    """A piece of SQL that is neither blank nor comment."""

    kind: str
    text: bytes
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        """Upper-case text of a word or sign, '' for a quoted piece."""
        return "" if self.kind == "quoted" else self.text.upper().decode("utf-8", "replace")


@dataclass(frozen=True)
class Statement:
    """A statement read as far as needed."""

    kind: Kind
    text: bytes
    """The statement without its data and without a closing semicolon."""
    output_at: int = 0
    """Where in `text` an output clause would stand."""
    format: str | None = None
    data_at: int | None = None
    """Where in the source the data of an INSERT begin."""
    assignments: tuple[tuple[str, bytes], ...] = ()
    """Of a SET: the names and their values as written."""
    is_select: bool = False
    """Whether the rows are a SELECT's, not those of a SHOW or the like."""


def tokens(source: bytes, start: int = 0) -> Iterator[Token]:
    """The pieces of `source` from `start`, lazily: an INSERT's data are never tokenised."""
    depth = 0
    for found in TOKEN.finditer(source, start):
        kind = "quoted" if found.lastgroup == "tag" else str(found.lastgroup)
        if kind == "blank":
            continue
        text = found.group()
        if text in (b")", b"]", b"}"):
            depth -= 1
        yield Token(kind, text, found.start(), found.end(), depth)
        if text in (b"(", b"[", b"{"):
            depth += 1


def parse(source: bytes) -> Statement:
    """Read the statement at the start of `source`."""
    first = next(tokens(source), None)
    if first is None:
        raise ClickHouseException(Code.SYNTAX_ERROR, "Syntax error: Empty query")
    if first.word == "INSERT":
        return _insert(source, first.end)
    if first.word == "WITH":
        insert = _insert_behind_with(source)
        if insert is not None:
            return _insert(source, insert.end)
    return _other(source)


def _other(source: bytes) -> Statement:
    pieces = list(tokens(source))
    pieces, end = _single(pieces, len(source))
    words = [piece.word for piece in pieces]
    _refuse_files(pieces)
    text = source[:end]
    if words[0] == "SET" and not (
        len(words) > 1 and words[1] in ("ROLE", "DEFAULT", "TRANSACTION")
    ):
        return Statement(Kind.SET, text, assignments=_assignments(source, pieces))
    if words[0] not in RESULT_WORDS:
        return Statement(Kind.COMMAND, text)
    name, at = _format_clause(pieces)
    kind = Kind.KILL if words[0] == "KILL" else Kind.RESULT
    is_select = words[0] in ("SELECT", "WITH", "FROM", "(")
    output_at = end if at is None else at
    return Statement(kind, text, output_at=output_at, format=name, is_select=is_select)


def _single(pieces: list[Token], end: int) -> tuple[list[Token], int]:
    """Cut closing semicolons; a second statement is refused, as a server refuses it."""
    for index, piece in enumerate(pieces):
        if piece.text == b";" and piece.depth == 0:
            rest = [later for later in pieces[index:] if later.text != b";"]
            if rest:
                raise ClickHouseException(
                    Code.SYNTAX_ERROR,
                    f"Syntax error (Multi-statements are not allowed): failed at position"
                    f" {piece.start + 1} (end of query)",
                )
            if index == 0:
                raise ClickHouseException(Code.SYNTAX_ERROR, "Syntax error: Empty query")
            return pieces[:index], piece.start
    return pieces, end


def _refuse_files(pieces: list[Token]) -> None:
    """Refuse what a client does itself, and what would read files or run programs here.

    The engine's own user lacks the right to read files (see users_embedded.xml); these are the
    ways that the library, unlike a server, leaves open in spite of that.
    """
    words = [piece.word for piece in pieces]
    for index, piece in enumerate(pieces):
        before = words[max(0, index - 2) : index]
        last = before[-1] if before else ""
        if piece.word in ("OUTFILE", "INFILE") and last in ("INTO", "FROM"):
            raise ClickHouseException(
                Code.NOT_IMPLEMENTED, f"{last} {piece.word} is done by a client, not by a server"
            )
        name = _name(piece)
        is_engine = last == "ENGINE" or before == ["ENGINE", "="]
        is_source = before == ["SOURCE", "("]
        is_function = name in LOCAL_FUNCTIONS and _is_function(words, index)
        # A disk of one's own may be any folder of the machine.
        is_disk = before == ["DISK", "="] and name == "DISK"
        is_local = (is_engine and name in LOCAL_ENGINES) or (is_source and name in LOCAL_SOURCES)
        if is_local or is_function or is_disk:
            raise ClickHouseException(
                Code.ACCESS_DENIED, f"{name} would use files or programs of the server's machine"
            )


def _name(piece: Token) -> str:
    """The upper-case name that the engine sees: without quotes, its escapes resolved."""
    text = piece.text
    if piece.kind == "quoted":
        text = ESCAPE.sub(_unescaped, text.strip(b'`"'))
    return text.decode("utf-8", "replace").upper()


def _unescaped(found: re.Match[bytes]) -> bytes:
    hexadecimal, plain = found.groups()
    return bytes.fromhex(hexadecimal.decode()) if hexadecimal else plain or b""


def _is_function(words: list[str], index: int) -> bool:
    """Whether the name is called, applied to columns, or handed to a higher-order function."""
    last = words[index - 1] if index else ""
    following = words[index + 1] if index + 1 < len(words) else ""
    caller = words[index - 2] if index > 1 and last == "(" else ""
    if last == "APPLY" or caller == "APPLY":
        return True
    if following == "," and caller.startswith(("ARRAY", "MAP")):
        return True
    is_described = words[0] in ("DESCRIBE", "DESC") and last == "TABLE"
    return following == "(" and (is_described or last not in BEFORE_A_TABLE)


def _insert_behind_with(source: bytes) -> Token | None:
    """The INSERT of WITH … INSERT INTO; a name may be `insert` too."""
    before: Token | None = None
    for piece in tokens(source):
        if piece.depth == 0 and piece.word == "SELECT":
            return None
        is_name = before is None or before.word in ("WITH", "AS", ",", ".")
        if piece.depth == 0 and piece.word == "INSERT" and not is_name:
            return piece
        before = piece
    return None


def _format_clause(pieces: list[Token]) -> tuple[str | None, int | None]:
    """The name in a closing FORMAT clause, and where an output clause fits: before it."""
    for index in range(len(pieces) - 2, 0, -1):
        piece, name = pieces[index], pieces[index + 1]
        if piece.depth or piece.word != "FORMAT" or name.kind != "word":
            continue
        follows = pieces[index + 2].word if index + 2 < len(pieces) else ""
        if follows in ("", "SETTINGS") and pieces[index - 1].text != b".":
            return name.text.decode(), piece.start
    return None, None


def _assignments(source: bytes, pieces: list[Token]) -> tuple[tuple[str, bytes], ...]:
    found: list[tuple[str, bytes]] = []
    index = 1
    while index < len(pieces):
        name = pieces[index].text.strip(b'`"').decode("utf-8", "replace")
        stop = index + 1
        while stop < len(pieces) and not (pieces[stop].text == b"," and pieces[stop].depth == 0):
            stop += 1
        start = index + 2 if index + 1 < stop and pieces[index + 1].text == b"=" else index + 1
        value = source[pieces[start].start : pieces[stop - 1].end] if start < stop else b"1"
        found.append((name, value))
        index = stop + 1
    return tuple(found)


def _insert(source: bytes, start: int) -> Statement:
    """Walk an INSERT up to what carries its rows: FORMAT, VALUES or a SELECT."""
    walk = tokens(source, start)
    settings_at: int | None = None
    for piece in _skip_target(walk):
        if piece.depth:
            continue
        if piece.word == "SETTINGS":
            settings_at = piece.start
        if piece.word in ("FORMAT", "VALUES"):
            return _insert_with_data(source, piece, walk, settings_at)
        if piece.word in ("SELECT", "WITH", "("):
            if piece.word == "(" and not _opens_select(source, piece):
                continue
            return _insert_select(source)
        if piece.word == "FROM":
            return _other_insert(source)
    return _insert_without_format(source)


def _skip_target(walk: Iterator[Token]) -> Iterator[Token]:
    """Pass INTO, TABLE or FUNCTION and the name, which may look like any keyword."""
    piece = next(walk, None)
    while piece is not None and piece.word in ("INTO", "TABLE", "FUNCTION"):
        piece = next(walk, None)
    while piece is not None:
        piece = next(walk, None)
        if piece is None or piece.text != b".":
            break
        piece = next(walk, None)
    if piece is not None:
        yield piece
    yield from walk


def _opens_select(source: bytes, piece: Token) -> bool:
    for inner in tokens(source, piece.end):
        if inner.text != b"(":
            return inner.word in ("SELECT", "WITH")
    return False


def _insert_with_data(
    source: bytes, piece: Token, walk: Iterator[Token], settings_at: int | None
) -> Statement:
    head = source[: piece.start]
    _refuse_files(list(tokens(head)))
    file_at = piece.start if settings_at is None else settings_at
    if piece.word == "VALUES":
        blank = AFTER_VALUES.match(source, piece.end)
        data_at = blank.end() if blank else piece.end
        return Statement(Kind.INSERT, head, file_at, "Values", data_at)
    name = next(walk, None)
    if name is None:
        raise ClickHouseException(Code.SYNTAX_ERROR, "Syntax error: FORMAT needs a name")
    gap = AFTER_FORMAT.match(source, name.end)
    data_at = gap.end() if gap else name.end
    if name.word == "VALUES":
        blank = AFTER_VALUES.match(source, data_at)
        data_at = blank.end() if blank else data_at
    return Statement(Kind.INSERT, head, file_at, name.text.decode(), data_at)


def _insert_without_format(source: bytes) -> Statement:
    """No FORMAT, VALUES or SELECT: the data are Values, or the format is the default one."""
    text = source.rstrip().rstrip(b";")
    _refuse_files(list(tokens(text)))
    return Statement(Kind.INSERT, text, len(text), None, len(source))


def _insert_select(source: bytes) -> Statement:
    """INSERT … SELECT; with input() its rows follow the FORMAT clause."""
    seen_input = False
    previous: Token | None = None
    for piece in tokens(source):
        if piece.word == "INPUT":
            seen_input = True
        if (
            previous is not None
            and previous.word == "FORMAT"
            and previous.depth == 0
            and seen_input
        ):
            gap = AFTER_FORMAT.match(source, piece.end)
            data_at = gap.end() if gap else piece.end
            return Statement(
                Kind.INSERT_SELECT,
                source[: previous.start],
                format=piece.text.decode(),
                data_at=data_at,
            )
        previous = piece
    return _other_insert(source)


def _other_insert(source: bytes) -> Statement:
    pieces, end = _single(list(tokens(source)), len(source))
    _refuse_files(pieces)
    return Statement(Kind.COMMAND, source[:end])
