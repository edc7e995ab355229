"""What a column's change of type does to the values that are already stored.

Belongs here: for each pair of types, whether the stored values can be altered in place, must be
read anew, or a person has to decide. The ALTERs themselves belong to `schema_changes`.
"""

from enum import Enum

from ingestion.cdc.types import SourceType, codec_of, numeric_digits

_WHOLE = {"int2": 0, "int4": 1, "int8": 2}
_FLOATING = {"float4": 0, "float8": 1}
_NUMBERS = {*_WHOLE, *_FLOATING, "numeric", "money", "oid"}
# A plain text to a plain text: nothing is stored differently. jsonb writes its text anew, and
# bpchar pads it, so neither is among them.
_PLAIN_TEXTS = {"text", "varchar", "name", "json", "xml", "citext"}
_TEXTS = _PLAIN_TEXTS | {"bpchar", "jsonb"}
_MOMENTS = {"timestamp", "timestamptz", "time", "timetz", "interval"}
_MOST_DIGITS_OF_SECOND = 6


class Way(Enum):
    """How stored values follow."""

    IN_PLACE = "in place"
    # PostgreSQL writes every row anew for it, so nothing tells whether by an expression of one's
    # own (USING): altered in place, and compared with the source afterwards.
    IN_DOUBT = "in place, then compared"
    READ = "read anew"
    PERSON = "a person decides"


def way_from(before: SourceType, after: SourceType, *, is_rewritten: bool) -> Way:
    """`is_rewritten` where the source may have written its rows anew since the last look."""
    if before == after:
        return Way.IN_PLACE
    if _narrows(before, after):
        return Way.PERSON
    if _widens_a_number(before, after):
        return Way.IN_DOUBT
    is_same = codec_of(before).clickhouse_type == codec_of(after).clickhouse_type
    if _keeps_text(before, after) or (is_same and before.name == after.name == "numeric"):
        return Way.READ if is_rewritten else Way.IN_PLACE
    if _holds_more_digits(before, after) and not is_rewritten:
        return Way.IN_PLACE
    return Way.READ


def said(source: SourceType) -> str:
    """The type as a person would write it."""
    digits = numeric_digits(source.modifier) if source.name == "numeric" else None
    return f"{source.name}({digits[0]}, {digits[1]})" if digits else source.name


def _widens_a_number(before: SourceType, after: SourceType) -> bool:
    if before.element or after.element:
        return False
    if (before.name, after.name) == ("oid", "int8"):
        return True
    return any(
        before.name in order and after.name in order and order[before.name] < order[after.name]
        for order in (_WHOLE, _FLOATING)
    )


def _keeps_text(before: SourceType, after: SourceType) -> bool:
    """Only where PostgreSQL's text and what is stored of it stay the same."""
    if before.element and after.element:
        return _keeps_text(before.element, after.element)
    return {before.name, after.name} <= _PLAIN_TEXTS or (
        before.name == after.name
        and before.kind == after.kind
        and codec_of(before).clickhouse_type == codec_of(after).clickhouse_type
        and before.name not in ("numeric", "bpchar")
        and before.element is None
        and after.element is None
    )


def _holds_more_digits(before: SourceType, after: SourceType) -> bool:
    """PostgreSQL rounds when the scale shrinks, and writes more digits when it grows."""
    old, new = _digits(before), _digits(after)
    if old is None or new is None:
        return False
    both_fit = all(codec_of(one).clickhouse_type.startswith("Decimal") for one in (before, after))
    return both_fit and new[1] == old[1] and new[0] >= old[0]


def _digits(source: SourceType) -> tuple[int, int] | None:
    return numeric_digits(source.modifier) if source.name == "numeric" else None


def _narrows(before: SourceType, after: SourceType) -> bool:
    """Whether the new type cannot hold all the old one could, apart from a text's length:
    PostgreSQL refuses to cut texts by itself."""
    if before.element and after.element:
        return _narrows(before.element, after.element)
    if before.name in _TEXTS:
        return after.name not in _TEXTS
    if before.name in _NUMBERS and after.name in _NUMBERS:
        return _narrows_a_number(before, after)
    if before.name in _MOMENTS and before.name == after.name:
        return _second_digits(after) < _second_digits(before)
    return before.name in ("timestamp", "timestamptz") and after.name in ("date", "time", "timetz")


def _narrows_a_number(before: SourceType, after: SourceType) -> bool:
    if before.name == after.name == "numeric":
        old, new = _digits(before), _digits(after)
        if new is None:
            return False
        return old is None or new[0] - new[1] < old[0] - old[1] or new[1] < old[1]
    if after.name == "numeric":
        return False
    if before.name in _FLOATING or before.name in ("numeric", "money"):
        return not (before.name in _FLOATING and after.name == "float8")
    return after.name in _WHOLE and _WHOLE[after.name] < _WHOLE.get(before.name, 0)


def _second_digits(source: SourceType) -> int:
    return source.modifier if 0 <= source.modifier <= _MOST_DIGITS_OF_SECOND else 6
