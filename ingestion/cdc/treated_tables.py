"""Captured tables whose columns are to be left out or hashed otherwise than before.

Belongs here: what is done with each column of a table that is captured already, and that no
column is ever stored as it is because somebody forgot to name it. What a treatment is belongs to
`treatments`; that a table is then read anew, to `registry`.
"""

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
    kept = {it.name for it in treatments if it.action == KEEP}
    found = set()
    for table in tables:
        was_treated = [column for column in table.layout.columns if column.treatment]
        if form := forms.get(table.oid):
            now = {it.number: it for it in wanted_columns(table, form, treatments)}
            names = [it.name for it in was_treated if not now[it.number].treatment]
        elif form := by_name.get((table.source_schema, table.source_name)):
            # It was made anew at the source, under its old name.
            published = {column.name for column in form.columns}
            names = [
                it.name
                for it in was_treated
                if it.name in published
                and not treated(
                    replace(it, treatment=""), form.schema, form.name, treatments
                ).treatment
            ]
        else:
            continue
        found |= {f"{form.schema}.{form.name}.{name}" for name in names}
    if uncovered := sorted(found - kept):
        raise SettingInvalid(
            GIVEN_BY,
            f"{', '.join(uncovered)}: left out or hashed so far, and not named any more, so what"
            " it holds would be stored as it is. Nothing was read.",
            f"Name it again; or, if it is meant, say so: --keep-column {uncovered[0]} (or"
            f" {SETTING}={uncovered[0]}={KEEP}).",
        )


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
