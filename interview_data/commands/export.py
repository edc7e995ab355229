"""`export` and `profile`: a model's rows as a file, and what is in its columns.

Belongs here: options, what is printed, and files that are whole or not there at all. Which rows
and columns is in `interview_data.model_rows`.
"""

import json as json_format
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from stores.errors import InputInvalid

if TYPE_CHECKING:
    from interview_data.model_rows import Column, Model, Span
    from stores.clickhouse.client import ClickHouseClient

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
# Of a file of columns each group of rows is held until it is full; more of them read slower.
ROW_GROUP_ROWS = 131_072
PROFILED_ROWS = 1_000_000


def _of_rows(command: Callable[..., None]) -> Callable[..., None]:
    """The options by which rows and columns are chosen."""
    options = (
        click.option("--since", type=_TIME, default=None, help="From this moment on (UTC)."),
        click.option("--until", type=_TIME, default=None, help="Up to, and without, this (UTC)."),
        click.option("--by", default=None, help="The day or time meant; by default the first."),
        click.option("--columns", default="", help="These only, with commas between."),
        click.option(
            "--with-personal-data",
            "with_personal",
            is_flag=True,
            help="Columns with personal data too; they are left out by default.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("model_name", metavar="MODEL")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["parquet", "csv"]),
    default="parquet",
    show_default=True,
)
@_of_rows
@click.option(
    "--output",
    default=None,
    metavar="FILE",
    help="By default MODEL.FORMAT here; - is standard output.",
)
def export(
    *,
    model_name: str,
    kind: str,
    since: datetime | None,
    until: datetime | None,
    by: str | None,
    columns: str,
    with_personal: bool,
    output: str | None,
) -> None:
    """Write the rows of MODEL to a file, as a stream: memory does not grow with the rows.

    The file is there whole or not at all. Ids are text, decimals exact, times UTC.
    """
    from interview_data import model_rows
    from interview_data.progress import progress

    client, model, chosen, span = _asked(
        model_name, since=since, until=until, by=by, columns=columns, with_personal=with_personal
    )
    path = None if output == "-" else Path(output or f"{model_name}.{kind}")
    begun, done = time.monotonic(), 0
    expected = model_rows.count(client, model, span)
    rows = model_rows.batches(client, model, chosen, span, is_flat=kind == "csv")
    with progress() as show, _whole(path) as file, _writer(kind, file) as write:
        for batch in rows:
            write(batch)
            done += batch.num_rows
            show(model_name, done, expected)
    said = f"{done:,} rows, {len(chosen)} columns in {time.monotonic() - begun:.1f} s"
    size = f", {path.stat().st_size / 2**20:,.1f} MiB in {path}" if path else ""
    # Which of several times was meant is nobody's guess.
    chosen_by = f"; by {span.column.name}, --by takes another" if span and by is None else ""
    click.echo(said + size + chosen_by, err=True)


def _asked(
    name: str,
    *,
    since: datetime | None,
    until: datetime | None,
    by: str | None,
    columns: str,
    with_personal: bool,
) -> "tuple[ClickHouseClient, Model, list[Column], Span | None]":
    """What the options mean. Raises InputInvalid where they mean nothing."""
    from interview_data import model_rows
    from orchestration.dbt_projects import WAREHOUSE
    from stores.clickhouse.client import connect

    client = connect(send_receive_timeout=model_rows.SILENCE_SECONDS)
    model = model_rows.find_model(client, name, WAREHOUSE.ensure_manifest())
    names = [part.strip() for part in columns.split(",") if part.strip()]
    chosen = model.chosen(names, with_personal)
    if not chosen:
        raise InputInvalid("--columns", f"{name} has no other columns than of personal data")
    if since is None and until is None and by is None:
        return client, model, chosen, None
    if since and until and since >= until:
        raise InputInvalid("--until", "must be later than --since")
    return client, model, chosen, model_rows.Span(model.time_column(by), _utc(since), _utc(until))


def _utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


@contextmanager
def _whole(path: Path | None) -> Iterator[IO[bytes]]:
    """A file beside `path` that takes its name once it is on disk; without one, standard output."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _writer(kind: str, file: IO[bytes]) -> Iterator[Callable[[Any], None]]:
    """A function that writes one batch after the other."""
    with (_csv if kind == "csv" else _parquet)(file) as write:
        yield write


@contextmanager
def _parquet(file: IO[bytes]) -> Iterator[Callable[[Any], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writers: list[pq.ParquetWriter] = []
    held: list[pa.RecordBatch] = []

    def flush() -> None:
        table = pa.Table.from_batches(held)
        if not writers:
            writers.append(pq.ParquetWriter(file, table.schema, compression="zstd"))
        writers[0].write_table(table)
        held.clear()

    def write(batch: Any) -> None:
        held.append(batch)
        if sum(item.num_rows for item in held) >= ROW_GROUP_ROWS:
            flush()

    yield write
    if held:
        flush()
    for writer in writers:
        writer.close()


@contextmanager
def _csv(file: IO[bytes]) -> Iterator[Callable[[Any], None]]:
    import polars as pl

    is_first = True

    def write(batch: Any) -> None:
        nonlocal is_first
        frame = pl.from_arrow(batch)
        text = frame.write_csv(  # type: ignore[union-attr]
            include_header=is_first, datetime_format="%Y-%m-%dT%H:%M:%S%.fZ"
        )
        file.write(text.encode())
        is_first = False

    yield write


@click.command()
@click.argument("model_name", metavar="MODEL")
@_of_rows
@click.option(
    "--rows",
    "limit",
    default=PROFILED_ROWS,
    show_default=True,
    type=click.IntRange(1, 20_000_000),
    help="Look at no more than so many.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def profile(
    *,
    model_name: str,
    since: datetime | None,
    until: datetime | None,
    by: str | None,
    columns: str,
    with_personal: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Show what is in the columns of MODEL: missing and distinct values, least, middle and most.

    Says how many of the rows were looked at.
    """
    import polars as pl

    from interview_data import model_rows

    client, model, chosen, span = _asked(
        model_name, since=since, until=until, by=by, columns=columns, with_personal=with_personal
    )
    all_count = model_rows.count(client, model, span)
    found = list(model_rows.batches(client, model, chosen, span, is_flat=True, limit=limit))
    frames = [pl.from_arrow(batch) for batch in found]
    frame = pl.concat(frames) if frames else pl.DataFrame()  # type: ignore[type-var]
    rows = [_profiled(frame[name]) for name in frame.columns]  # type: ignore[index,union-attr]
    if as_json:
        said = {"rows_count": all_count, "looked_at_count": frame.height, "columns": rows}  # type: ignore[union-attr]
        click.echo(json_format.dumps(said, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*(rows[0] if rows else ("column",)))
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    Console().print(table)
    click.echo(f"{frame.height:,} of {all_count:,} rows looked at", err=True)  # type: ignore[union-attr]


def _profiled(series: Any) -> dict[str, Any]:
    """One column. Quantiles are of numbers alone; the least and most also of days and times."""
    is_number = series.dtype.is_numeric()
    is_ordered = is_number or series.dtype.is_temporal()
    return {
        "column": series.name,
        "type": str(series.dtype),
        "nulls": series.null_count(),
        "distinct": series.approx_n_unique(),
        "least": series.min() if is_ordered else None,
        "p50": series.quantile(0.5) if is_number else None,
        "p95": series.quantile(0.95) if is_number else None,
        "most": series.max() if is_ordered else None,
    }
