"""`keys list|create|revoke`: API keys, seen from the command line.

Belongs here: options and what is printed. How a key is kept is in `stores.postgres.api_keys`.
"""

import json as json_format
from datetime import UTC, datetime, timedelta

import click

from stores.errors import InputInvalid


@click.group()
def keys() -> None:
    """Manage the keys of the API."""


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_all(as_json: bool) -> None:
    """Show every key's name, scopes and state; a key itself cannot be shown again."""
    from stores.postgres import api_keys
    from stores.postgres.client import connect

    with connect() as connection:
        found = api_keys.list_keys(connection)
    rows = [
        {
            "name": key.name,
            "scopes": sorted(key.scopes),
            "state": _state(key.expires_at, key.revoked_at),
            "created_at": key.created_at.isoformat(),
            "expires_at": key.expires_at.isoformat() if key.expires_at else None,
        }
        for key in found
    ]
    if as_json:
        click.echo(json_format.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "scopes", "state", "created", "expires")
    for row in rows:
        scopes = ", ".join(row["scopes"] or ())
        table.add_row(
            str(row["name"]),
            scopes,
            str(row["state"]),
            str(row["created_at"])[:16],
            str(row["expires_at"] or "never")[:16],
        )
    Console().print(table)


@keys.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, help="What it may do; repeatable. Default: all but admin."
)
@click.option("--days", type=click.IntRange(1), help="Let it expire after so many days.")
@click.option(
    "--requests-per-minute", type=click.IntRange(1), help="Default: API_REQUESTS_PER_MINUTE."
)
@click.option(
    "--events-per-minute", type=click.IntRange(10_000), help="Default: API_EVENTS_PER_MINUTE."
)
def create(
    name: str,
    scopes: tuple[str, ...],
    days: int | None,
    requests_per_minute: int | None,
    events_per_minute: int | None,
) -> None:
    """Make the key NAME and print it, once. Refused where a working key has that name."""
    from stores.postgres import api_keys
    from stores.postgres.client import connect

    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    with connect() as connection:
        if any(
            key.name == name and _state(key.expires_at, key.revoked_at) == "works"
            for key in api_keys.list_keys(connection)
        ):
            raise InputInvalid("name", f"the key {name} exists; revoke it first, or take another")
        limits = api_keys.Limits(requests_per_minute, events_per_minute)
        made = api_keys.create(
            connection,
            name,
            scopes or api_keys.ORDINARY_SCOPES,
            expires_at=expires_at,
            limits=limits,
        )
    click.echo(made)


@keys.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Stop the key NAME from working, within seconds."""
    from stores.postgres import api_keys
    from stores.postgres.client import connect

    with connect() as connection:
        revoked = api_keys.revoke(connection, name)
    if not revoked:
        raise InputInvalid(
            "name", f"no working key is called {name}; see `interview-data keys list`"
        )
    click.echo(f"The key {name} no longer works.")


def _state(expires_at: datetime | None, revoked_at: datetime | None) -> str:
    if revoked_at is not None:
        return "revoked"
    if expires_at is not None and expires_at <= datetime.now(UTC):
        return "expired"
    return "works"
