"""Captured tables whose columns are to be left out or hashed otherwise than before.

Belongs here: what is done with each column of a table that is captured already, and that no
column is ever stored as it is because somebody forgot to name it. What a treatment is belongs to
`treatments`; that a table is then read anew, to `registry`.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from ingestion.cdc.catalog import SourceColumn
from ingestion.cdc.source_form import SourceForm
from ingestion.cdc.state import CapturedTable
from ingestion.cdc.treatments import GIVEN_BY, KEEP, SETTING, ColumnTreatment, treated
from stores.errors import SettingInvalid


def wanted_columns(
    table: CapturedTable, form: SourceForm, treatments: tuple[ColumnTreatment, ...]
) -> tuple[SourceColumn, ...]:
    """The table's columns with the treatments that are configured now."""
    return tuple(_wanted(table, form, column, treatments) for column in table.layout.columns)


def check_nothing_is_uncovered(
    tables: Iterable[CapturedTable],
    forms: dict[int, SourceForm],
    treatments: tuple[ColumnTreatment, ...],
) -> None:
    """Raises SettingInvalid naming the columns that were left out or hashed so far and are not
    named any more: a line lost from a configuration must not show what was to be hidden."""
    by_name = {(form.schema, form.name): form for form in forms.values()}
    found = set()
    for table in tables:
        # Made anew at the source, a table has another oid and its old name.
        if form := forms.get(table.oid):
            now = wanted_columns(table, form, treatments)
        elif form := by_name.get((table.source_schema, table.source_name)):
            now = _under_its_name(table, form, treatments)
        else:
            continue
        for old, new in zip(table.layout.columns, now, strict=True):
            if old.treatment and not new.treatment:
                found.add((form.schema, form.name, old.name))
    kept = {(it.schema, it.table, it.column) for it in treatments if it.action == KEEP}
    if uncovered := [".".join(map(_as_given, names)) for names in sorted(found - kept)]:
        raise SettingInvalid(
            GIVEN_BY,
            f"{', '.join(uncovered)}: left out or hashed so far, and not named any more, so what"
            " it holds would be stored as it is. Nothing was read.",
            f"Name it again; or, if it is meant, say so: --keep-column {uncovered[0]} (or"
            f" {SETTING}={uncovered[0]}={KEEP}).",
        )


def _under_its_name(
    table: CapturedTable, form: SourceForm, treatments: tuple[ColumnTreatment, ...]
) -> tuple[SourceColumn, ...]:
    """As another table's columns of these names would be treated; those that are gone stay."""
    published = {column.name for column in form.columns}
    return tuple(
        treated(replace(column, treatment=""), form.schema, form.name, treatments)
        if column.name in published
        else column
        for column in table.layout.columns
    )


def _as_given(name: str) -> str:
    """As an option or a setting takes it."""
    is_plain = re.fullmatch("[a-z_][a-z0-9_]*", name)
    return name if is_plain else '"' + name.replace('"', '""') + '"'


def _wanted(
    table: CapturedTable,
    form: SourceForm,
    column: SourceColumn,
    treatments: tuple[ColumnTreatment, ...],
) -> SourceColumn:
    """Where the configuration names a column which is gone, one that is treated without being
    named is that column under a new name."""
    made = treated(
        replace(column, treatment=""), table.source_schema, table.source_name, treatments
    )
    if made.treatment or not column.treatment:
        return made
    names = {found.name for found in form.columns}
    missing = [
        treatment
        for treatment in treatments
        if (treatment.schema, treatment.table) == (table.source_schema, table.source_name)
        and treatment.column not in names
    ]
    return column if missing else made
