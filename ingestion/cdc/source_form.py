"""What captured tables look like at the source now, asked without taking a lock on any of them.

Belongs here: one query of the catalogue's own tables (one, so that an ALTER cannot come between
two), and what its answer tells of a rewrite, a
rename, a partition. `pg_publication_tables` opens every table, so it waits behind an ALTER that
holds one of them for minutes; these tables do not. What follows from a difference belongs to
`schema_changes` and `table_life`.
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

Connection = Any


@dataclass(frozen=True)
class FormColumn:
    """A column now. `mark` changes with every ALTER of it, `missing_value` is what rows from
    before an ADD COLUMN show, as text."""

    number: int
    name: str
    type_oid: int
    type_modifier: int
    is_nullable: bool
    is_published: bool
    missing_value: str | None
    mark: str
    # Whether rows from before still lack it; a table written anew has it in every row.
    has_missing: bool = False
    # Of an enum: the number of each value and its name, which may change without any ALTER TABLE.
    labels: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Leaf:
    """A partition that holds rows. `is_born` where it was made as one and so began empty."""

    oid: int
    file_node: int
    is_born: bool


@dataclass(frozen=True)
class SourceForm:
    """A published table now. `file_node` changes when its rows are written anew; 0 for the root
    of partitions, which has `leaves` instead. `row_filter` is a mark, not the expression."""

    oid: int
    schema: str
    name: str
    file_node: int
    identity: str
    key: tuple[str, ...]
    row_filter: str
    columns: tuple[FormColumn, ...]
    leaves: tuple[Leaf, ...] = ()

    @property
    def published(self) -> tuple[FormColumn, ...]:
        """The columns the log announces, in its order."""
        return tuple(column for column in self.columns if column.is_published)

    def by_number(self) -> dict[int, FormColumn]:
        """Its columns by what stays when one is renamed."""
        return {column.number: column for column in self.columns}

    def without(self, numbers: set[int]) -> "SourceForm":
        """The form as if these columns were not there yet."""
        kept = tuple(column for column in self.columns if column.number not in numbers)
        return replace(self, columns=kept)

    def to_json(self) -> str:
        """For keeping in ClickHouse. Defaults are left out: they may be somebody's data."""
        columns = tuple(replace(column, missing_value=None) for column in self.columns)
        return json.dumps(asdict(replace(self, columns=columns)))

    @staticmethod
    def from_json(text: str) -> "SourceForm | None":
        """What `to_json` wrote; None for the empty text of a table from before there were any."""
        return _form(json.loads(text)) if text else None


_FORMS = """
WITH RECURSIVE pub AS (
    SELECT oid, puballtables, pubviaroot, coalesce(to_jsonb(p) ->> 'pubgencols', 'n') AS generated
    FROM pg_publication AS p WHERE pubname = %(publication)s
),
named AS (
    SELECT r.prrelid AS oid FROM pg_publication_rel AS r JOIN pub ON r.prpubid = pub.oid
    UNION
    SELECT c.oid FROM pub JOIN pg_publication_namespace AS n ON n.pnpubid = pub.oid
    JOIN pg_class AS c ON c.relnamespace = n.pnnspid
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p'
    UNION
    SELECT c.oid FROM pub JOIN pg_class AS c ON pub.puballtables
    WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
),
tree AS (
    SELECT oid AS root, oid FROM named
    UNION
    SELECT tree.root, i.inhrelid FROM tree
    JOIN pg_inherits AS i ON i.inhparent = tree.oid AND NOT i.inhdetachpending
    JOIN pg_class AS child ON child.oid = i.inhrelid AND child.relispartition
),
published AS (
    SELECT DISTINCT c.oid FROM pub, tree JOIN pg_class AS c ON c.oid = tree.oid
    WHERE CASE WHEN pub.pubviaroot
        THEN NOT EXISTS (SELECT FROM tree AS up WHERE up.oid = c.oid AND up.root <> c.oid)
        ELSE c.relkind = 'r' END
)
SELECT json_build_object(
    'oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname,
    'file_node', c.relfilenode::int8,
    'identity', c.relreplident,
    'row_filter', coalesce((SELECT md5(r.prqual::text) FROM pg_publication_rel AS r
        WHERE r.prrelid = c.oid AND r.prpubid = pub.oid), ''),
    'key', (SELECT coalesce(json_agg(a.attname ORDER BY k.place), '[]')
        FROM pg_index AS i
        CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.number
        WHERE i.indrelid = c.oid AND c.relreplident <> 'n' AND k.place <= i.indnkeyatts
        AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END),
    'columns', (SELECT coalesce(json_agg(json_build_object(
            'number', a.attnum, 'name', a.attname, 'type_oid', a.atttypid::int8,
            'type_modifier', a.atttypmod, 'is_nullable', NOT a.attnotnull,
            'is_published', CASE WHEN list.numbers IS NOT NULL THEN a.attnum = ANY(list.numbers)
                ELSE a.attgenerated = '' OR a.attgenerated::text = pub.generated END,
            'missing_value',
                CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END,
            'labels', (SELECT coalesce(json_agg(
                    json_build_array(e.oid::int8, e.enumlabel) ORDER BY e.oid), '[]')
                FROM pg_type AS t JOIN pg_enum AS e ON e.enumtypid
                    IN (t.oid, t.typelem, t.typbasetype) WHERE t.oid = a.atttypid),
            'has_missing', a.atthasmissing, 'mark', a.xmin::text) ORDER BY a.attnum), '[]')
        FROM pg_attribute AS a
        LEFT JOIN (SELECT prattrs::int2[] AS numbers FROM pg_publication_rel
            WHERE prrelid = c.oid AND prpubid = pub.oid) AS list ON true
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    'leaves', (SELECT coalesce(json_agg(json_build_object(
            'oid', leaf.oid::int8,
            'file_node', leaf.relfilenode::int8,
            'is_born', (SELECT t.xmin = i.xmin FROM pg_type AS t, pg_inherits AS i
                WHERE t.oid = leaf.reltype AND i.inhrelid = leaf.oid)) ORDER BY leaf.oid), '[]')
        FROM tree JOIN pg_class AS leaf ON leaf.oid = tree.oid AND leaf.relkind = 'r'
        WHERE tree.root = c.oid AND c.relkind = 'p')
)
FROM pub, published JOIN pg_class AS c ON c.oid = published.oid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
"""


def source_forms(connection: Connection, publication: str) -> dict[int, SourceForm]:
    """Every published table by its oid, as it is now."""
    rows = connection.execute(_FORMS, {"publication": publication}).fetchall()
    return {form.oid: form for form in (_form(row[0]) for row in rows)}


def source_form(connection: Connection, publication: str, oid: int) -> SourceForm | None:
    """One table; None where it is not published."""
    rows = connection.execute(
        _FORMS + "WHERE c.oid = %(oid)s", {"publication": publication, "oid": oid}
    ).fetchall()
    return _form(rows[0][0]) if rows else None


def _form(data: dict[str, Any]) -> SourceForm:
    columns = tuple(
        FormColumn(**{**column, "labels": tuple((oid, label) for oid, label in column["labels"])})
        for column in data["columns"]
    )
    leaves = tuple(Leaf(**leaf) for leaf in data["leaves"])
    return SourceForm(**{**data, "key": tuple(data["key"]), "columns": columns, "leaves": leaves})
