"""How a captured table follows its source when the source's columns change.

Belongs here: comparing the form the log announces with the form that is stored, and the ALTERs
between them. Every ALTER can be repeated, because a crash may come between two of them.

The log names columns but does not number them, so a rename looks like a drop and an add; the
catalogue's column numbers, which survive a rename, tell the two apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ingestion.cdc.catalog import CurrentColumn, SourceColumn
from ingestion.cdc.layout import Layout, codec_of_column, quote, stored_type
from ingestion.cdc.messages import Relation
from ingestion.cdc.types import SourceType, numeric_digits, quote_text

# Alter these and every stored value stays what PostgreSQL made of it.
_WIDER = {
    "int2": {"int4", "int8"},
    "int4": {"int8"},
    "oid": {"int8"},
}
# A plain text to a plain text: nothing is stored differently.
_TEXTS = {"text", "varchar", "bpchar", "name", "json", "jsonb", "xml", "citext"}


@dataclass(frozen=True)
class LayoutChange:
    """From the stored form to the announced one."""

    layout: Layout
    statements: tuple[str, ...]


class CannotFollow(Exception):
    """The stored table cannot become what the log announces; the message is the reason."""


def needs_change(layout: Layout, relation: Relation) -> bool:
    """Whether the announced form may differ from the stored one."""
    announced = [(column.name, column.type_oid) for column in relation.columns]
    return announced != [(column.name, column.type_oid) for column in layout.columns]


def project(relation: Relation, layout: Layout) -> tuple[int | None, ...] | None:
    """Where each stored column is in rows of an older form; None where the forms are the same.

    A table that was just read from the catalogue may be ahead of the log. What the log's rows
    do not have in the stored type is looked up instead of converted.
    """
    if not needs_change(layout, relation):
        return None
    places = {(column.name, column.type_oid): i for i, column in enumerate(relation.columns)}
    return tuple(places.get((column.name, column.type_oid)) for column in layout.columns)


def plan(
    layout: Layout,
    relation: Relation,
    current: Mapping[str, CurrentColumn],
    resolve: Callable[[int, int], SourceType],
    table: str,
) -> LayoutChange:
    """The ALTERs of `table` (qualified) that turn `layout` into what `relation` announces.

    Raises CannotFollow where a narrowing or a changed key makes that impossible.
    """
    renamed = _renames(layout, relation, current)
    before = {renamed.get(column.name, column.name): column for column in layout.columns}
    statements = [
        statement
        for old, new in renamed.items()
        for statement in _rename(table, before[new], old, new)
    ]
    columns = []
    for announced in relation.columns:
        found = before.pop(announced.name, None)
        now = current.get(announced.name)
        if found and now and now.number != found.number:
            if announced.type_oid != found.type_oid:
                statements.append(f"ALTER TABLE {table} DROP COLUMN IF EXISTS {quote(found.name)}")
                found = None
            elif now.type_oid == announced.type_oid:
                raise CannotFollow(f"column {found.name} was dropped and another took its name")
        if now and now.type_oid not in (0, announced.type_oid):
            # The catalogue is ahead: another column has that name by now.
            now = None
        made = SourceColumn(
            announced.name,
            now.number if now else (found.number if found else 0),
            announced.type_oid,
            resolve(announced.type_oid, announced.type_modifier),
            _is_nullable(found, now),
        )
        columns.append(made)
        if found is None:
            statements += _add(table, made, now.missing_value if now else None)
        else:
            statements += _modify(table, replace(found, name=made.name), made)
    statements += [f"ALTER TABLE {table} DROP COLUMN IF EXISTS {quote(name)}" for name in before]
    key = tuple(renamed.get(name, name) for name in layout.key)
    _check_key(key, relation, layout)
    return LayoutChange(Layout(tuple(columns), key), tuple(statements))


def nullability_changes(
    layout: Layout, current: Mapping[str, CurrentColumn], table: str
) -> LayoutChange | None:
    """Columns that may be NULL now and could not before. The other way nothing is done:
    old rows may still hold NULL."""
    columns, statements = [], []
    for column in layout.columns:
        now = current.get(column.name)
        if now and now.is_nullable and not column.is_nullable and column.name not in layout.key:
            made = replace(column, is_nullable=True)
            statements.append(_set_type(table, made))
            columns.append(made)
        else:
            columns.append(column)
    if not statements:
        return None
    return LayoutChange(Layout(tuple(columns), layout.key), tuple(statements))


def _is_nullable(found: SourceColumn | None, now: CurrentColumn | None) -> bool:
    if found is not None:
        return found.is_nullable or bool(now and now.is_nullable)
    return now.is_nullable if now else True


def _renames(
    layout: Layout, relation: Relation, current: Mapping[str, CurrentColumn]
) -> dict[str, str]:
    """Old name to new name."""
    stored = {column.name for column in layout.columns}
    announced = {column.name for column in relation.columns}
    by_number = {column.number: column.name for column in layout.columns}
    renames = {}
    for name in sorted(announced - stored):
        now = current.get(name)
        old = by_number.get(now.number) if now else None
        if old is not None and old not in announced:
            renames[old] = name
    return renames


def _rename(table: str, column: SourceColumn, old: str, new: str) -> list[str]:
    statements = [f"ALTER TABLE {table} RENAME COLUMN IF EXISTS {quote(old)} TO {quote(new)}"]
    if codec_of_column(column).fits is not None:
        was, now = quote_text(old), quote_text(new)
        statements.append(
            f"ALTER TABLE {table} UPDATE _adjusted = CAST(mapApply((k, v) ->"
            f" (if(k = {was}, {now}, k), v), _adjusted), toTypeName(_adjusted))"
            f" WHERE mapContains(_adjusted, {was})"
        )
    return statements


def _add(table: str, column: SourceColumn, missing_value: str | None) -> list[str]:
    """Rows that are already there show the default the column was added with."""
    name, form = quote(column.name), stored_type(column)
    add = f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {form}"
    if missing_value is None:
        return [add]
    value = codec_of_column(column).value(f"toNullable({quote_text(missing_value)})")
    return [
        f"{add} DEFAULT CAST({value}, {quote_text(form)})",
        f"ALTER TABLE {table} MATERIALIZE COLUMN {name}",
        f"ALTER TABLE {table} MODIFY COLUMN {name} REMOVE DEFAULT",
    ]


def _modify(table: str, before: SourceColumn, after: SourceColumn) -> list[str]:
    if before.type != after.type and not _is_wider(before.type, after.type):
        raise CannotFollow(
            f"column {after.name} changed from {_said(before.type)} to {_said(after.type)},"
            " which the stored values cannot follow"
        )
    return [] if stored_type(before) == stored_type(after) else [_set_type(table, after)]


def _set_type(table: str, column: SourceColumn) -> str:
    return f"ALTER TABLE {table} MODIFY COLUMN {quote(column.name)} {stored_type(column)}"


def _is_wider(before: SourceType, after: SourceType) -> bool:
    if before.element or after.element:
        return before.element == after.element
    if before.name == "numeric" and after.name == "numeric":
        return _holds_more(before.modifier, after.modifier)
    if before.name == after.name:
        return True
    if after.name in _WIDER.get(before.name, set()):
        return True
    # jsonb writes its text anew, so only a text of the same words counts as the same.
    return {before.name, after.name} <= _TEXTS - {"jsonb", "bpchar"}


def _holds_more(before: int, after: int) -> bool:
    """PostgreSQL rounds when the scale shrinks, and writes more digits when it grows."""
    old, new = numeric_digits(before), numeric_digits(after)
    if old is None or new is None:
        return False
    return new[1] == old[1] and new[0] >= old[0]


def _said(source: SourceType) -> str:
    digits = numeric_digits(source.modifier) if source.name == "numeric" else None
    return f"{source.name}({digits[0]}, {digits[1]})" if digits else source.name


def _check_key(key: tuple[str, ...], relation: Relation, layout: Layout) -> None:
    announced = {column.name: column for column in relation.columns}
    identity = {column.name for column in relation.columns if column.is_identity}
    gone = [name for name in key if name not in announced]
    moved = relation.identity in "di" and bool(identity) and identity != set(key)
    if gone or moved:
        raise CannotFollow(
            f"its key changed from ({', '.join(layout.key)}) to ({', '.join(sorted(identity))})"
        )
