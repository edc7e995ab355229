"""The cases about values: each value once by snapshot, once by the stream.

Belongs here: cases 23 to 25. A value that ClickHouse's type cannot hold is right only where the
exact text is recorded beside it.
"""

from bench.peers.cases import case
from bench.peers.run import Run

_NUMBERS = (
    "id int PRIMARY KEY, small smallint, big bigint, exact numeric(20, 4), loose numeric,"
    " wide numeric, nan numeric, infinite numeric, zero float8, single float4, endless float8"
)
_NUMBER_VALUES = (
    "-32768, -9223372036854775808, 1234567890123456.7891, 0.1000000000000000000000000000001,"
    " 1e80, 'NaN', '-Infinity', '-0', 'NaN', 'Infinity'"
)
_MOMENTS = (
    "id int PRIMARY KEY, usual timestamptz, endless timestamptz, far timestamptz, old timestamptz,"
    " early timestamp, day date, far_day date, hour time, span interval, days daterange"
)
_MOMENT_VALUES = (
    "'2026-11-23 09:30:00.123456+03', 'infinity', '294276-12-31 23:59:59+00', '0044-03-15 BC',"
    " '1850-06-01 12:00:00', '1899-12-31', '5874897-12-31', '23:59:59.999999',"
    " '1 year 2 mons 3 days 04:05:06', '[2026-01-01,2026-02-01)'"
)
_THINGS = (
    "id int PRIMARY KEY, doc json, docb jsonb, huge jsonb, void jsonb, host inet, six inet,"
    " net cidr, mac macaddr, list int[], square int[], words text[], feeling mood, raw bytea,"
    " empty text, odd text"
)
_THING_VALUES = (
    """'{"a.b": 1, "a.b": 2, "x": null}', '{"k": [1, 2.50]}', '{"n": 1e400}', 'null',"""
    """ '10.1.2.3/8', '2001:db8::1', '10.0.0.0/8', '08:00:2b:01:02:03', '{1,NULL,3}',"""
    """ '{{1,2},{3,4}}', '{"a","b \\" c",NULL}', 'fine', '\\xdeadbeef00', '',"""
    """ U&'\\FEFF zero\\200B \\+01F600'"""
)


@case("23", "numbers: NaN, infinities, 80 digits, -0, extremes")
def numbers(run: Run) -> None:
    run.table(f"figures ({_NUMBERS})")
    run.sql(f"INSERT INTO figures VALUES (1, {_NUMBER_VALUES}), (3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)")
    run.begin()
    run.sql(f"INSERT INTO figures VALUES (2, {_NUMBER_VALUES})")
    run.compare()


@case("24", "moments: infinity, BC, 294276, 1850, time, interval, range")
def moments(run: Run) -> None:
    run.table(f"moments ({_MOMENTS})")
    run.sql(f"INSERT INTO moments VALUES (1, {_MOMENT_VALUES})")
    run.begin()
    run.sql(f"INSERT INTO moments VALUES (2, {_MOMENT_VALUES})")
    run.compare()


@case("25", "JSON, addresses, arrays, enum with a value added, bytes, text, generated")
def things(run: Run) -> None:
    run.sql("CREATE TYPE mood AS ENUM ('fine')")
    run.table(f"things ({_THINGS})")
    run.table("made (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)")
    run.sql(f"INSERT INTO things VALUES (1, {_THING_VALUES})", "INSERT INTO made VALUES (1)")
    run.begin(options="WITH (publish_generated_columns = stored)")
    run.sql(
        f"INSERT INTO things VALUES (2, {_THING_VALUES})",
        "ALTER TYPE mood ADD VALUE 'new'",
        "INSERT INTO things (id, feeling) VALUES (3, 'new')",
        "INSERT INTO made VALUES (2)",
    )
    run.compare()
