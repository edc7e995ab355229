"""`webhooks list|deliveries|replay|deliver`: webhooks, seen from the command line.

Belongs here: options and what is printed. Sending is in `serving.webhooks`, what is kept in
`stores.postgres.webhooks`.
"""

import asyncio
import json as json_format
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import click

if TYPE_CHECKING:
    from stores.postgres.pool import AsyncPool

Answer = TypeVar("Answer")
_STATES = click.Choice(["pending", "delivered", "dead"])


@click.group()
def webhooks() -> None:
    """See what customers' servers were told, and tell it again."""


@webhooks.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_all(as_json: bool) -> None:
    """Show every endpoint; a secret cannot be shown again."""
    from stores.postgres import webhooks as kept

    found = _in_pool(lambda pool: kept.endpoints(pool, None))
    names = ("id", "user_id", "url", "event_types", "is_active", "created_at")
    _print([{name: vars(each)[name] for name in names} for each in found], names, as_json)


@webhooks.command()
@click.option("--endpoint", "endpoint_id", type=click.UUID, help="Of this one. Default: of all.")
@click.option("--state", type=_STATES, help="Those alone; `dead` were given up.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def deliveries(endpoint_id: UUID | None, state: str | None, limit: int, as_json: bool) -> None:
    """Show deliveries, the newest first."""
    from stores.postgres import webhooks as kept

    found = _in_pool(lambda pool: kept.deliveries(pool, endpoint_id, state, None, limit))
    names = ("id", "endpoint_id", "event_type", "state", "attempt_count", "last_problem")
    rows = [vars(each) if as_json else {n: vars(each)[n] for n in names} for each in found]
    _print(rows, names, as_json)


@webhooks.command()
@click.argument("delivery_ids", nargs=-1, type=click.UUID)
@click.option("--endpoint", "endpoint_id", type=click.UUID, help="Of this one. Default: of all.")
@click.option("--dead", is_flag=True, help="All that were given up.")
def replay(delivery_ids: tuple[UUID, ...], endpoint_id: UUID | None, dead: bool) -> None:
    """Tell DELIVERY_IDS again, or with --dead all that were given up."""
    from stores.postgres import webhooks as kept
    from stores.settings import load_settings

    if bool(delivery_ids) == dead:
        raise click.UsageError("Name deliveries, or say --dead.")
    count = _in_pool(
        lambda pool: kept.replay(
            pool,
            load_settings().webhook_attempts,
            endpoint_id=endpoint_id,
            ids=delivery_ids,
            state="dead" if dead else None,
        )
    )
    click.echo(f"{count} deliveries are tried anew.")


@webhooks.command()
@click.option("--follow", is_flag=True, help="Go on until stopped.")
def deliver(follow: bool) -> None:
    """Send what is due. Any number of these may run; the stack runs one."""
    from serving.webhooks import sender
    from stores.settings import load_settings

    if not follow:
        click.echo(f"{sender.drain(load_settings())} attempts were made.")
        return
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sender.follow(stop)


def _in_pool(work: "Callable[[AsyncPool], Awaitable[Answer]]") -> Answer:
    from stores.postgres.pool import AsyncPool

    async def run() -> Answer:
        pool = AsyncPool(size=1)
        try:
            return await work(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


def _as_text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _print(rows: list[dict[str, Any]], names: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        click.echo(json_format.dumps(rows, default=_as_text))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*names)
    for row in rows:
        table.add_row(*(str(row[name]) for name in names))
    Console().print(table)
