"""What a change at the source means for the rows that are stored: altered, read anew, a person."""

from dataclasses import replace

import pytest

from ingestion.cdc.catalog import SourceColumn
from ingestion.cdc.layout import Layout
from ingestion.cdc.messages import Relation, RelationColumn
from ingestion.cdc.schema_changes import (
    CannotFollow,
    LayoutChange,
    ReadAnew,
    plan,
    reason_to_read_anew,
)
from ingestion.cdc.source_form import FormColumn, Leaf, SourceForm
from ingestion.cdc.type_changes import Way, way_from
from ingestion.cdc.types import SourceType

INT2, INT4, INT8 = SourceType("int2"), SourceType("int4"), SourceType("int8")
TEXT = SourceType("text")
NAMES = {21: INT2, 23: INT4, 20: INT8, 25: TEXT}
LAYOUT = Layout(
    (
        SourceColumn("id", 1, 23, INT4, is_nullable=False),
        SourceColumn("name", 2, 25, TEXT, is_nullable=True),
        SourceColumn("score", 3, 23, INT4, is_nullable=True),
    ),
    ("id",),
)


def column(number: int, name: str, type_oid: int = 23, **given: object) -> FormColumn:
    made = FormColumn(number, name, type_oid, -1, name != "id", True, None, "700")
    return replace(made, **given)  # type: ignore[arg-type]


def form(*columns: FormColumn, **given: object) -> SourceForm:
    made = SourceForm(16400, "public", "items", 5000, "d", ("id",), "", columns)
    return replace(made, **given)  # type: ignore[arg-type]


ID, NAME, SCORE = column(1, "id"), column(2, "name", 25), column(3, "score")
KNOWN = form(ID, NAME, SCORE)


def planned(
    now: SourceForm, announced: SourceForm | None = None, known: SourceForm | None = KNOWN
) -> LayoutChange | None:
    """Where the log announces what the catalogue has, unless it is given."""
    columns = tuple(
        RelationColumn(item.name, item.type_oid, -1, item.name in now.key)
        for item in (announced or now).columns
    )
    return plan(
        LAYOUT,
        Relation(16400, "public", "items", "d", columns),
        known=known or KNOWN,
        form=now,
        resolve=lambda oid, _: NAMES[oid],
        table="`d`.`t`",
    )


def words(change: LayoutChange | None, *wanted: str) -> list[str]:
    assert change is not None
    return [word for text in change.statements for word in wanted if f" {word} " in text]


def test_nothing_is_altered_where_nothing_changed() -> None:
    assert planned(KNOWN) is None


def test_a_rename_is_told_from_a_drop_and_an_add_by_the_columns_number() -> None:
    kinds = ("RENAME", "ADD", "DROP")
    assert words(planned(form(ID, column(2, "title", 25), SCORE)), *kinds) == ["RENAME"]
    assert words(planned(form(ID, SCORE, column(4, "title", 25))), *kinds) == ["ADD", "DROP"]


def test_a_wider_number_is_altered_and_then_compared_for_its_rows_were_written_anew() -> None:
    wider = planned(form(ID, NAME, column(3, "score", 20, mark="900"), file_node=6000))
    assert wider is not None
    assert wider.statements == ("ALTER TABLE `d`.`t` MODIFY COLUMN `score` Nullable(Int64)",)
    assert wider.is_doubtful


def test_a_narrower_number_waits_for_a_person() -> None:
    with pytest.raises(CannotFollow, match="int4 to int2") as found:
        planned(form(ID, NAME, column(3, "score", 21), file_node=6000))
    assert not isinstance(found.value, ReadAnew)


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (form(ID, NAME, replace(SCORE, mark="900"), file_node=6000), "written anew by an ALTER"),
        (form(ID, NAME, SCORE, column(4, "made"), file_node=6000), "values of its own"),
        (form(ID, NAME, SCORE, key=("name",)), "key changed"),
        (form(ID, NAME, SCORE, row_filter="other"), "row filter"),
        (form(ID, NAME, SCORE, leaves=(Leaf(1, 1, is_born=False),)), "attached"),
        (form(column(1, "number"), NAME, SCORE, key=("number",)), "key changed"),
        (form(column(1, "id", 20), NAME, SCORE), "key column id changed"),
        (form(ID, SCORE, column(4, "name", 25)), "another took its name"),
    ],
)
def test_what_the_log_does_not_tell_is_read_anew(now: SourceForm, reason: str) -> None:
    with pytest.raises(ReadAnew, match=reason):
        planned(now)


def test_a_catalogue_that_is_ahead_of_the_log_leads_to_reading_anew_not_to_a_guess() -> None:
    announced = form(ID, NAME, SCORE, column(4, "level"))
    with pytest.raises(ReadAnew, match="changed again since"):
        planned(form(ID, NAME, SCORE, column(4, "grade")), announced)


def test_a_column_that_was_there_but_not_published_has_values_the_log_does_not_tell() -> None:
    hidden = column(4, "note", 25, is_published=False)
    known = form(ID, NAME, SCORE, hidden)
    shown = form(ID, NAME, SCORE, replace(hidden, is_published=True))
    assert "added to what is published" in str(reason_to_read_anew(known, shown, LAYOUT))


def test_rows_written_anew_in_the_same_order_are_no_reason() -> None:
    """VACUUM FULL, CLUSTER and TRUNCATE change no value that the log does not tell."""
    assert reason_to_read_anew(KNOWN, form(ID, NAME, SCORE, file_node=6000), LAYOUT) is None


def test_a_default_that_a_rewrite_wrote_into_every_row_is_compared_not_read_anew() -> None:
    """An ALTER of another column does that, and so does VACUUM FULL."""
    known = form(ID, NAME, replace(SCORE, has_missing=True))
    now = form(ID, NAME, replace(SCORE, mark="900"), file_node=6000)
    assert reason_to_read_anew(known, now, LAYOUT) is None
    change = planned(now, known=known)
    assert change is not None
    assert change.layout == LAYOUT
    assert change.is_doubtful
    assert not change.statements
    assert planned(now, known=SourceForm.from_json(change.source_form)) is None


def test_a_partition_may_come_empty_but_neither_filled_nor_leave() -> None:
    leaf, born = Leaf(1, 10, is_born=True), Leaf(2, 20, is_born=True)
    known = form(ID, NAME, SCORE, leaves=(leaf,))

    def reason(*leaves: Leaf) -> str:
        return str(reason_to_read_anew(known, form(ID, NAME, SCORE, leaves=leaves), LAYOUT))

    assert reason(leaf, born) == "None"
    assert "attached" in reason(leaf, replace(born, is_born=False))
    assert "left it" in reason(born)
    assert "emptied" in reason(replace(leaf, file_node=11))


def test_an_enums_new_value_is_no_reason_and_a_renamed_one_is() -> None:
    mood = column(4, "mood", 9000, labels=((1, "sad"), (2, "ok")))
    layout = Layout(
        (*LAYOUT.columns, SourceColumn("mood", 4, 9000, SourceType("mood", "e"), True)), ("id",)
    )
    for labels, is_reason in (
        (((1, "sad"), (2, "ok"), (3, "happy")), False),
        (((1, "sad"), (2, "fine")), True),
    ):
        now = form(ID, NAME, SCORE, replace(mood, labels=labels))
        found = reason_to_read_anew(form(ID, NAME, SCORE, mood), now, layout)
        assert (found is not None) == is_reason


def test_a_form_survives_being_kept_and_its_defaults_are_not_kept() -> None:
    whole = form(
        ID, column(2, "mood", 9000, labels=((1, "sad"),), missing_value="secret"),
        leaves=(Leaf(1, 10, is_born=True),),
    )  # fmt: skip
    assert "secret" not in whole.to_json()
    read = SourceForm.from_json(whole.to_json())
    assert read is not None
    assert read.to_json() == whole.to_json()
    assert read.by_number()[2].labels == ((1, "sad"),)


def numeric(precision: int, scale: int) -> SourceType:
    return SourceType("numeric", modifier=(precision << 16 | scale) + 4)


VARCHAR5, VARCHAR9 = SourceType("varchar", modifier=9), SourceType("varchar", modifier=13)
FLOAT4, FLOAT8 = SourceType("float4"), SourceType("float8")
SECONDS, MICROSECONDS = SourceType("timestamp", modifier=0), SourceType("timestamp")


@pytest.mark.parametrize(
    ("before", "after", "plain", "rewritten"),
    [
        (INT2, INT8, Way.IN_DOUBT, Way.IN_DOUBT),
        (FLOAT4, FLOAT8, Way.IN_DOUBT, Way.IN_DOUBT),
        (FLOAT8, FLOAT4, Way.PERSON, Way.PERSON),
        (INT8, INT4, Way.PERSON, Way.PERSON),
        (INT4, TEXT, Way.READ, Way.READ),
        (TEXT, INT4, Way.PERSON, Way.PERSON),
        (VARCHAR5, VARCHAR9, Way.IN_PLACE, Way.READ),
        (VARCHAR5, TEXT, Way.IN_PLACE, Way.READ),
        (TEXT, SourceType("jsonb"), Way.READ, Way.READ),
        (numeric(10, 2), numeric(12, 2), Way.IN_PLACE, Way.READ),
        (numeric(10, 2), numeric(12, 4), Way.READ, Way.READ),
        (numeric(10, 2), numeric(8, 2), Way.PERSON, Way.PERSON),
        (numeric(10, 2), SourceType("numeric"), Way.READ, Way.READ),
        (numeric(10, 2), numeric(90, 2), Way.READ, Way.READ),
        (INT4, SourceType("numeric"), Way.READ, Way.READ),
        (SECONDS, MICROSECONDS, Way.IN_PLACE, Way.READ),
        (MICROSECONDS, SECONDS, Way.PERSON, Way.PERSON),
        (MICROSECONDS, SourceType("timestamptz"), Way.READ, Way.READ),
        (MICROSECONDS, SourceType("date"), Way.PERSON, Way.PERSON),
        (SourceType("char", modifier=5), SourceType("bpchar", modifier=9), Way.READ, Way.READ),
    ],
)
def test_each_change_of_type_has_its_way(
    before: SourceType, after: SourceType, plain: Way, rewritten: Way
) -> None:
    assert way_from(before, after, is_rewritten=False) is plain
    assert way_from(before, after, is_rewritten=True) is rewritten
