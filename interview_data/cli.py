"""The command `interview-data`: finds a command's module when it is asked for, no sooner.

Belongs here: the list of commands and how errors reach the user. What a command does is
in its module under `commands/`.
"""

import errno
import sys
from importlib import import_module
from typing import Any

import click

from stores.errors import PlatformError, SettingInvalid

# Command -> its module; the module's attribute of the command's name is the command.
COMMANDS: dict[str, str] = {
    "up": "stack",
    "down": "stack",
    "status": "stack",
    "env": "stack",
    "logs": "stack",
    "reset": "stack",
    "load": "load",
    "cdc": "cdc",
    "events": "events",
    "expectations": "expectations",
    "keys": "keys",
    "webhooks": "webhooks",
    "mail": "mail",
    "dashboard": "dashboard",
    "dbt": "dbt",
    "model-docs": "model_docs",
    "backfill": "backfill",
    "reconcile": "reconcile",
    "export": "export",
    "profile": "export",
}
EXIT_FAILED = 1
EXIT_WRONG_USE = 2
# They name no file.
FULL = (errno.ENOSPC, errno.EDQUOT)


class LazyGroup(click.Group):
    """Loads a command's module on first use, so that every command starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click names it
        """In the order of need, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, or None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"interview_data.commands.{COMMANDS[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.{cmd_name} is not a click command")
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run it. Errors of ours are one line; a wrong setting exits with 2, others with 1."""
        try:
            return super().main(*args, **kwargs)
        except PlatformError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(EXIT_WRONG_USE if isinstance(error, SettingInvalid) else EXIT_FAILED)
        except OSError as error:
            if error.filename is None and error.errno not in FULL:
                raise
            # Another user's home, a disk that is full: nothing that a stack trace explains.
            where = f"{error.filename}: " if error.filename else ""
            click.echo(f"Error: {where}{error.strerror}", err=True)
            sys.exit(EXIT_FAILED)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="interview-data", prog_name="interview-data")
def main() -> None:
    """Run and operate the interview data platform.

    Start with `interview-data up`. State lives in INTERVIEW_DATA_HOME.
    """
