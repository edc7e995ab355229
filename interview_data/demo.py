"""The demo population on the first start of a home.

Belongs here: whether it is loaded. What it is like is the loader's, which has a process of
its own, with its own progress bars.
"""

import subprocess
import sys

import click

from stores.errors import StateConflict
from stores.local.home import Home
from stores.local.stack import replaced_stores
from stores.settings import inherited_environment

COMMAND = ("load", "demo", "--users", "500", "--days", "90", "--seed", "7")


def load_demo_once(home: Home) -> None:
    """Load it, unless this home has it. A load that was cut off is done again: it may be."""
    done = home.path / "demo-loaded"
    if done.exists():
        return
    if given := [setting.upper() for setting in replaced_stores(home).values()]:
        click.echo(f"No demo is loaded into servers of your own ({', '.join(given)}).")
        return
    env = inherited_environment(home.path)
    command = [sys.executable, "-m", "interview_data", *COMMAND]
    loaded = subprocess.run(command, env=env, check=False)
    if loaded.returncode != 0:
        raise StateConflict("The demo could not be loaded; the messages above say why.")
    done.touch()
