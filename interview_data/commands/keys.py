"""`keys list|create|rotate|revoke|rotate-signing`: keys of the API, seen from the command line.

Belongs here: options and what is printed. How a key is kept is in `stores.postgres.api_keys` and
`stores.postgres.signing_keys`.
"""

import json as json_format
from datetime import UTC, datetime, timedelta
from uuid import UUID

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
            "id": str(key.id),
            "name": key.name,
            "scopes": sorted(key.scopes),
            "user_id": str(key.user_id) if key.user_id else None,
            "state": key.state,
            "created_at": key.created_at.isoformat(),
            "expires_at": _text(key.expires_at),
            "last_used_at": _text(key.last_used_at),
            "former_key_works_until": _text(key.previous_until),
        }
        for key in found
    ]
    if as_json:
        click.echo(json_format.dumps(rows))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "scopes", "of user", "state", "expires", "last used")
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(
            str(row["name"]),
            ", ".join(row["scopes"] or ()),
            str(row["user_id"] or "any"),
            str(row["state"]),
            str(row["expires_at"] or "never")[:10],
            str(row["last_used_at"] or "never")[:16],
        )
    Console().print(table)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="What it may do; repeatable. Default: all but admin, or all that a user's key may.",
)
@click.option("--user", "user_id", type=click.UUID, help="Bind it to this user's own objects.")
@click.option("--days", type=click.IntRange(1), help="Let it expire after so many days.")
@click.option(
    "--requests-per-minute", type=click.IntRange(1), help="Default: API_REQUESTS_PER_MINUTE."
)
@click.option(
    "--events-per-minute", type=click.IntRange(10_000), help="Default: API_EVENTS_PER_MINUTE."
)
def create(
    name: str,
    *,
    scopes: tuple[str, ...],
    user_id: UUID | None,
    days: int | None,
    requests_per_minute: int | None,
    events_per_minute: int | None,
) -> None:
    """Make the key NAME and print it, once. Refused where a working key has that name."""
    from stores.postgres import api_keys
    from stores.postgres.client import connect

    expires_at = datetime.now(UTC) + timedelta(days=days) if days else None
    limits = api_keys.Limits(requests_per_minute, events_per_minute)
    default = api_keys.TENANT_SCOPES if user_id else api_keys.ORDINARY_SCOPES
    with connect() as connection:
        made = api_keys.create(
            connection,
            name,
            scopes or default,
            expires_at=expires_at,
            limits=limits,
            user_id=user_id,
            must_be_new=True,
        )
    click.echo(made)


@keys.command()
@click.argument("name")
@click.option(
    "--overlap-hours",
    type=click.FloatRange(0),
    default=24.0,
    show_default=True,
    help="For how long the former key works too.",
)
def rotate(name: str, overlap_hours: float) -> None:
    """Print another key for NAME, once; scopes, limits and expiry stay."""
    from stores.postgres import api_keys
    from stores.postgres.client import connect

    with connect() as connection:
        found = api_keys.named(connection, name)
        if found is None or found.state != "works":
            raise _unknown(name)
        made = api_keys.rotate(connection, found.id, round(overlap_hours * 3600))
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
        raise _unknown(name)
    click.echo(f"The key {name} no longer works.")


@keys.command("rotate-signing")
@click.option(
    "--at-once",
    is_flag=True,
    help="The former key is in wrong hands: refuse at once what it has signed. Everybody's access"
    " token ends within two minutes, and clients refresh.",
)
def rotate_signing(at_once: bool) -> None:
    """Sign with a new key; the former one is published until its access tokens have ended."""
    from stores.postgres import signing_keys
    from stores.postgres.client import connect
    from stores.settings import load_settings

    secret = load_settings().require("auth_secret")
    with connect() as connection:
        made = signing_keys.rotate(connection, secret, at_once=at_once)
    click.echo(
        f"The key {made.kid} signs from {made.signs_from.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}."
    )


def _unknown(name: str) -> InputInvalid:
    return InputInvalid("name", f"no working key is called {name}; see `interview-data keys list`")
