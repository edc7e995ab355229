"""`mail list|done`: mail that waits to be sent, for a mailer and for whoever has none.

Belongs here: options and what is printed. How mail waits is in `stores.postgres.mail`.
"""

import json as json_format
from uuid import UUID

import click


@click.group()
def mail() -> None:
    """Take the mail of sign-in: the platform sends none itself."""


@mail.command("list")
@click.option("--to", "recipient", help="Only to this address.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each, with its id.")
def list_waiting(recipient: str | None, as_json: bool) -> None:
    """Show what waits, the oldest first, with the tokens: whoever reads them opens accounts."""
    from stores.postgres import mail as outbox
    from stores.postgres.client import connect
    from stores.settings import load_settings

    secret = load_settings().require("auth_secret")
    with connect() as connection:
        found = outbox.waiting(connection, secret)
    for each in found:
        if recipient is not None and each.recipient.lower() != recipient.lower():
            continue
        if as_json:
            line = {
                "id": str(each.id),
                "kind": each.kind,
                "recipient": each.recipient,
                "token": each.token,
                "created_at": each.created_at.isoformat(),
                "expires_at": each.expires_at.isoformat(),
            }
            click.echo(json_format.dumps(line))
        else:
            click.echo(f"{each.kind} to {each.recipient}: {each.token or 'no token'}")


@mail.command()
@click.argument("ids", nargs=-1, required=True, type=click.UUID)
def done(ids: tuple[UUID, ...]) -> None:
    """Forget the mails IDS, which were sent."""
    from stores.postgres import mail as outbox
    from stores.postgres.client import connect

    with connect() as connection:
        count = outbox.done(connection, ids)
    click.echo(f"{count} mails were sent.")
