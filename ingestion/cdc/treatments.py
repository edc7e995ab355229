"""Columns that capture leaves out or hashes, because what they hold is somebody's own.

Belongs here: reading and checking that part of the configuration, and the keyed hash on both
sides. How a treated column is stored belongs to `layout`.

A hash is HMAC-SHA-256 of PostgreSQL's text of the value, in hexadecimal: the same value has the
same hash in every table, so joins work, and without the key nobody can try values out.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, replace

from ingestion.cdc.catalog import SourceColumn
from ingestion.cdc.source_form import SourceForm
from ingestion.cdc.types import Codec, quote_text
from stores.errors import SettingInvalid, StateConflict
from stores.settings import load_settings

EXCLUDE, HASH = "exclude", "hash"
# Of a column that was left out or hashed and is to be stored as it is from now on.
KEEP = "keep"
SETTING, KEY_SETTING = "CAPTURE_COLUMNS", "CAPTURE_HASH_KEY"
# What a message names: the two options say the same as the setting.
GIVEN_BY = f"--exclude-column, --hash-column, --keep-column or {SETTING}"
SHORTEST_KEY = 16
# In place of a text: this, then its hash. PostgreSQL's texts never hold such a character.
_ALREADY = "char(0)"
_NAME = r'"(?:[^"]|"")+"|[^".=,\s]+'
_ENTRY = re.compile(rf"\s*(?:({_NAME})\.)?({_NAME})\.({_NAME})\s*=\s*(\w+)\s*")
_BLOCK_BYTES = 64


@dataclass(frozen=True)
class ColumnTreatment:
    """What is done with one column of the source, if it has it; it must where `is_required`."""

    schema: str
    table: str
    column: str
    action: str
    is_required: bool = True

    @property
    def name(self) -> str:
        """As it is configured."""
        return f"{self.schema}.{self.table}.{self.column}"


def parse_treatments(text: str, *, is_required: bool = True) -> tuple[ColumnTreatment, ...]:
    """`[schema.]table.column=exclude|hash|keep`, with commas between; names as PostgreSQL has them.

    Raises SettingInvalid naming what it cannot read.
    """
    found = (_parse(entry) for entry in _entries(text))
    return tuple(replace(treatment, is_required=is_required) for treatment in found)


def check_treatments(treatments: tuple[ColumnTreatment, ...], forms: dict[int, SourceForm]) -> None:
    """Raises SettingInvalid naming a table or column that the publication does not have, a key
    column that would be left out, or a missing key."""
    by_name = {(form.schema, form.name): form for form in forms.values()}
    for treatment in treatments:
        form = by_name.get((treatment.schema, treatment.table))
        names = {column.name for column in form.columns} if form else set()
        if treatment.column not in names and not treatment.is_required:
            continue
        if form is None:
            raise SettingInvalid(
                GIVEN_BY,
                f"the publication has no table {treatment.schema}.{treatment.table}"
                f" ({treatment.name}).",
            )
        if treatment.column not in names:
            raise SettingInvalid(
                GIVEN_BY,
                f"table {treatment.schema}.{treatment.table} has no column {treatment.column}.",
            )
        if treatment.action == EXCLUDE and treatment.column in form.key:
            raise SettingInvalid(
                GIVEN_BY,
                f"{treatment.name} is part of the key that rows are told apart by; it can be"
                " hashed, not excluded.",
            )
    if any(treatment.action == HASH for treatment in treatments):
        hash_key()


def treated(
    column: SourceColumn, schema: str, table: str, treatments: tuple[ColumnTreatment, ...]
) -> SourceColumn:
    """The column with what is to be done with it."""
    for treatment in treatments:
        if (treatment.schema, treatment.table, treatment.column) == (schema, table, column.name):
            action = treatment.action
            if action == KEEP:
                return column
            return replace(
                column, treatment=f"{HASH}:{_fingerprint()}" if action == HASH else action
            )
    return column


def is_excluded(column: SourceColumn) -> bool:
    """Whether nothing of the column is stored."""
    return column.treatment == EXCLUDE


def is_hashed(column: SourceColumn) -> bool:
    """Whether a hash is stored in the column's place."""
    return column.treatment.startswith(f"{HASH}:")


def hash_key() -> str:
    """The secret. Raises SettingInvalid where it is missing or too short to keep a secret."""
    remedy = "Set it to a random text, for example of `openssl rand -hex 32`, and keep it."
    key = load_settings().capture_hash_key
    if not key:
        raise SettingInvalid(KEY_SETTING, "is not set, and there are columns to be hashed.", remedy)
    if len(key) < SHORTEST_KEY:
        raise SettingInvalid(KEY_SETTING, f"has fewer than {SHORTEST_KEY} characters.", remedy)
    return key


def hash_codec(column: SourceColumn) -> Codec:
    """Stores the hash; writes it back marked, so that it is not hashed again.

    ClickHouse keeps the key of its function HMAC out of its logs.
    """
    if column.treatment != f"{HASH}:{_fingerprint()}":
        raise StateConflict(
            f"column {column.name} is stored with hashes of another {KEY_SETTING}; start capture"
            " with this one to have its table read anew, or set the former key"
        )
    key = quote_text(hash_key())
    return Codec(
        "String",
        parse=lambda text: (
            f"if(startsWith({text}, {_ALREADY}), substring({text}, 2),"
            f" lower(hex(HMAC('sha256', {text}, {key}))))"
        ),
        render=lambda value: f"concat({_ALREADY}, {value})",
    )


def source_options() -> str:
    """Options of a PostgreSQL connection that will use `source_hash`: the key, prepared.

    So the key is in no statement, and in no log of statements.
    """
    if not load_settings().capture_hash_key:
        return ""
    key = hash_key().encode()
    block = (key if len(key) <= _BLOCK_BYTES else hashlib.sha256(key).digest()).ljust(
        _BLOCK_BYTES, b"\0"
    )
    inner, outer = (bytes(byte ^ pad for byte in block).hex() for pad in (0x36, 0x5C))
    return f" -c interview_data.hash_inner={inner} -c interview_data.hash_outer={outer}"


def source_hash(text: str) -> str:
    """PostgreSQL's expression of the hash of `text`, on a connection with `source_options`."""
    inner, outer = (
        f"decode(current_setting('interview_data.hash_{part}'), 'hex')"
        for part in ("inner", "outer")
    )
    return f"encode(sha256({outer} || sha256({inner} || convert_to({text}, 'UTF8'))), 'hex')"


def _entries(text: str) -> list[str]:
    """Split at commas that are not within a quoted name."""
    parts = re.findall(r'(?:"(?:[^"]|"")*"|[^,"])+', text)
    return [part for part in parts if part.strip()]


def _parse(entry: str) -> ColumnTreatment:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise SettingInvalid(GIVEN_BY, f"{entry.strip()!r} is not [schema.]table.column=action.")
    schema, table, column, action = found.groups()
    if action not in (EXCLUDE, HASH, KEEP):
        raise SettingInvalid(
            GIVEN_BY,
            f"{entry.strip()!r}: action {action} is neither {EXCLUDE} nor {HASH} nor {KEEP}.",
        )
    names = [_unquoted(name) for name in (schema or "public", table, column)]
    return ColumnTreatment(names[0], names[1], names[2], action)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()


def _fingerprint() -> str:
    """Tells that the key is another one, and nothing else about it."""
    return hmac.new(hash_key().encode(), b"interview-data", hashlib.sha256).hexdigest()[:8]
