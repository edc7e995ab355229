"""How long work shows that it goes on: a bar on a terminal, else a line per step.

Belongs here: showing progress on stderr, so that stdout stays for results.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Show = Callable[[str, int, int], None]


@contextmanager
def progress(is_quiet: bool = False) -> Iterator[Show]:
    """A function to call with (what is being done, how much is done, of how much)."""
    if sys.stderr.isatty():
        with _bars() as show:
            yield show
    elif is_quiet:
        yield lambda _what, _done, _total: None
    else:
        yield _lines()


@contextmanager
def _bars() -> Iterator[Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, object] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None)
            bars.update(tasks[what], completed=done, total=total or None)  # type: ignore[arg-type]

        yield show


def _lines() -> Show:
    """One line when a step begins; a log does not need every tick of it."""
    said: set[str] = set()

    def show(what: str, _done: int, _total: int) -> None:
        if what not in said:
            said.add(what)
            click.echo(f"{what} ...", err=True)

    return show
