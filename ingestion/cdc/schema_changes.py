"""How a captured table follows its source when the source's columns change.

Belongs here: comparing the form the log announces with the form that is stored, and the ALTERs
between them. Every ALTER can be repeated, because a crash may come between two of them. Which
types may be altered in place belongs to `type_changes`.

Three answers: it can be altered at this place of the log; it cannot, but reading the table anew
makes it right; or a person must decide. Where the log alone does not tell enough (rows written
anew, a name taken by another column, a catalogue that is ahead), the table is read anew.

The log names columns but does not number them, so a rename looks like a drop and an add; the
catalogue's column numbers, which survive a rename, tell the two apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ingestion.cdc.catalog import SourceColumn
from ingestion.cdc.layout import Layout, codec_of_column, quote, stored_type
from ingestion.cdc.messages import Relation, RelationColumn
from ingestion.cdc.source_form import FormColumn, SourceForm
from ingestion.cdc.type_changes import Way, said, way_from
from ingestion.cdc.types import SourceType, quote_text

Resolve = Callable[[int, int], SourceType]


@dataclass(frozen=True)
class LayoutChange:
    """From the stored form to the announced one.

    `source_form` is what is then known of the source. `is_doubtful` where values may have been
    changed by the ALTER's own expression, which nothing tells: they are compared afterwards.
    """

    layout: Layout
    statements: tuple[str, ...]
    source_form: str = ""
    is_doubtful: bool = False
    # What rows from before show in columns that were added, as PostgreSQL's text.
    defaults: tuple[tuple[SourceColumn, str], ...] = ()


class CannotFollow(Exception):
    """The stored table cannot become what the log announces; the message is the reason."""


class ReadAnew(CannotFollow):
    """It cannot be altered into it, but a table read anew is right."""


def needs_change(layout: Layout, relation: Relation) -> bool:
    """Whether the announced form may differ from the stored one."""
    announced = [(column.name, column.type_oid) for column in relation.columns]
    return announced != [(column.name, column.type_oid) for column in layout.columns]


def relation_of(form: SourceForm) -> Relation:
    """What the log would announce of a table that has this form."""
    columns = tuple(
        RelationColumn(column.name, column.type_oid, column.type_modifier, column.name in form.key)
        for column in form.published
    )
    return Relation(form.oid, form.schema, form.name, form.identity, columns)


def reason_to_read_anew(known: SourceForm, form: SourceForm, layout: Layout) -> str | None:
    """What happened to the rows between two looks at the source that the log does not tell."""
    if known.row_filter != form.row_filter:
        return "the publication's row filter changed"
    if [_number(known, name) for name in known.key] != [_number(form, name) for name in form.key]:
        return f"its key changed from ({', '.join(known.key)}) to ({', '.join(form.key)})"
    return _partition_reason(known, form) or _column_reason(known, form, layout)


def plan(
    layout: Layout,
    relation: Relation,
    *,
    known: SourceForm,
    form: SourceForm,
    resolve: Resolve,
    table: str,
) -> LayoutChange | None:
    """The ALTERs of `table` (qualified) that turn `layout` into what `relation` announces.

    `known` is the source as last compared, `form` as it is now, which may be later than the log.
    None where nothing needs to change. Raises ReadAnew or CannotFollow.
    """
    if reason := reason_to_read_anew(known, form, layout):
        raise ReadAnew(reason)
    by_name = {column.name: column for column in form.columns}
    renamed = _renames(layout, relation, by_name)
    _check_key(layout, renamed, relation)
    before = {renamed.get(column.name, column.name): column for column in layout.columns}
    statements = [
        statement
        for old, new in renamed.items()
        for statement in _rename(table, before[new], old, new)
    ]
    is_rewritten = known.file_node != form.file_node
    columns, defaults = [], []
    is_doubtful = is_rewritten and any(
        _is_filled_in(old, now)
        for old in known.columns
        if (now := form.by_number().get(old.number)) and _is_altered(old, now)
    )
    for announced in relation.columns:
        found, now = before.pop(announced.name, None), by_name.get(announced.name)
        type_ = resolve(announced.type_oid, announced.type_modifier)
        if found is None:
            made = _new_column(announced, now, type_)
            missing = now.missing_value if now else None
            statements.append(_add(table, made, missing))
            defaults += [] if missing is None else [(made, missing)]
        else:
            if now and found.number and now.number != found.number:
                raise ReadAnew(f"column {found.name} was dropped and another took its name")
            made = _changed_column(found, announced, now, type_)
            way = way_from(found.type, type_, is_rewritten=is_rewritten)
            is_key = found.name in layout.key
            _check_way(way, found, made, is_key=is_key)
            is_doubtful = is_doubtful or way is Way.IN_DOUBT
            if stored_type(found) != stored_type(made):
                statements.append(_set_type(table, made))
        columns.append(made)
    statements += [f"ALTER TABLE {table} DROP COLUMN IF EXISTS {quote(name)}" for name in before]
    key = tuple(renamed.get(name, name) for name in layout.key)
    made_layout = Layout(tuple(columns), key)
    if made_layout == layout and not is_doubtful:
        return None
    after = known_after(known, form, made_layout).to_json()
    return LayoutChange(made_layout, tuple(statements), after, is_doubtful, tuple(defaults))


def known_after(known: SourceForm, form: SourceForm, layout: Layout) -> SourceForm:
    """What is known of the source once `layout` is stored: columns that the log has yet to
    announce stay unknown, or they would seem to have been there before."""
    stored = {column.number for column in layout.columns}
    return form.without(set(form.by_number()) - set(known.by_number()) - stored)


def _partition_reason(known: SourceForm, form: SourceForm) -> str | None:
    before = {leaf.oid: leaf for leaf in known.leaves}
    now = {leaf.oid: leaf for leaf in form.leaves}
    if set(before) - set(now):
        return "a partition left it, and its rows with it"
    if any(not leaf.is_born for oid, leaf in now.items() if oid not in before):
        return "a table was attached to it as a partition, with rows the log does not tell"
    if any(leaf.file_node != now[oid].file_node for oid, leaf in before.items()):
        return "a partition was emptied or written anew"
    return None


def _column_reason(known: SourceForm, form: SourceForm, layout: Layout) -> str | None:
    before = known.by_number()
    stored = {column.number for column in layout.columns}
    is_rewritten = known.file_node != form.file_node
    for column in form.published:
        old = before.get(column.number)
        if old is None:
            is_new = column.number not in stored
            if is_new and is_rewritten and column.missing_value is None:
                return f"column {column.name} was added with values of its own in every row"
        elif column.number not in stored:
            return f"column {column.name} was added to what is published"
        elif _has_renamed_label(old, column):
            return f"a value of the enum of column {column.name} was renamed"
        elif is_rewritten and _is_altered(old, column) and not _is_filled_in(old, column):
            return f"its rows were written anew by an ALTER of column {column.name}"
    return None


def _is_altered(old: FormColumn, column: FormColumn) -> bool:
    """By an ALTER that leaves its type as it was."""
    return old.mark != column.mark and _type(old) == _type(column)


def _is_filled_in(old: FormColumn, column: FormColumn) -> bool:
    """Its default was written into every row, which any rewrite does; an ALTER of the column
    itself looks the same."""
    return old.has_missing and not column.has_missing


def _has_renamed_label(old: FormColumn, column: FormColumn) -> bool:
    names = dict(column.labels)
    return any(names.get(number, label) != label for number, label in old.labels)


def _type(column: FormColumn) -> tuple[int, int]:
    return column.type_oid, column.type_modifier


def _number(form: SourceForm, name: str) -> int:
    return next((column.number for column in form.columns if column.name == name), 0)


def _new_column(
    announced: RelationColumn, now: FormColumn | None, type_: SourceType
) -> SourceColumn:
    if now is None or (now.type_oid, now.type_modifier) != (
        announced.type_oid,
        announced.type_modifier,
    ):
        raise ReadAnew(f"column {announced.name} was added and has changed again since")
    return SourceColumn(announced.name, now.number, announced.type_oid, type_, now.is_nullable)


def _changed_column(
    found: SourceColumn, announced: RelationColumn, now: FormColumn | None, type_: SourceType
) -> SourceColumn:
    """Never made NOT NULL again: old rows may still hold NULL."""
    return replace(
        found,
        name=announced.name,
        number=now.number if now else found.number,
        type_oid=announced.type_oid,
        type=type_,
        is_nullable=found.is_nullable or bool(now and now.is_nullable),
    )


def _check_way(way: Way, found: SourceColumn, made: SourceColumn, *, is_key: bool) -> None:
    change = f"column {made.name} changed from {said(found.type)} to {said(made.type)}"
    if way is Way.PERSON:
        raise CannotFollow(f"{change}, which the stored values cannot follow")
    if way is Way.READ:
        raise ReadAnew(f"{change}, and its values with it")
    if is_key and stored_type(found) != stored_type(made):
        raise ReadAnew(f"key {change}")


def _check_key(layout: Layout, renamed: dict[str, str], relation: Relation) -> None:
    """ClickHouse cannot rename or replace what rows are sorted by."""
    announced = {column.name for column in relation.columns}
    identity = {column.name for column in relation.columns if column.is_identity}
    gone = [name for name in layout.key if renamed.get(name, name) not in announced]
    moved = relation.identity in "di" and identity != {renamed.get(n, n) for n in layout.key}
    if gone or moved or any(name in renamed for name in layout.key):
        now = ", ".join(sorted(identity)) or "none"
        raise ReadAnew(f"its key changed from ({', '.join(layout.key)}) to ({now})")


def _renames(layout: Layout, relation: Relation, current: dict[str, FormColumn]) -> dict[str, str]:
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


def _add(table: str, column: SourceColumn, missing_value: str | None) -> str:
    """Rows that are already there show the default the column was added with. No part is
    written for it, so a large table does not hold back the others; merges fill it in."""
    name, form = quote(column.name), stored_type(column)
    add = f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {name} {form}"
    if missing_value is None:
        return add
    value = codec_of_column(column).value(f"toNullable({quote_text(missing_value)})")
    return f"{add} DEFAULT CAST({value}, {quote_text(form)})"


def _set_type(table: str, column: SourceColumn) -> str:
    return f"ALTER TABLE {table} MODIFY COLUMN {quote(column.name)} {stored_type(column)}"
