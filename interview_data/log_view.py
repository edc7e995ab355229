"""The logs of a home, printed and followed.

Belongs here: reading. Writing and rotating is in `stores.local.logs`.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from stores.errors import InputInvalid
from stores.local.home import Home
from stores.local.logs import tail

_POLL_SECONDS = 0.2


def show(home: Home, name: str | None, line_count: int, is_followed: bool) -> None:
    """Print the last lines of one log or of all, then follow them if asked to."""
    paths = _paths(home, name)
    width = max(len(path.stem) for path in paths)
    for path in paths:
        for line in tail(path, line_count):
            click.echo(_prefixed(path, line, width if name is None else 0))
    if is_followed:
        with contextlib.suppress(KeyboardInterrupt):
            for path, line in follow(paths):
                click.echo(_prefixed(path, line, width if name is None else 0))


def follow(
    paths: list[Path], is_over: Callable[[], bool] = lambda: False
) -> Iterator[tuple[Path, str]]:
    """Each line as it is written, until `is_over`."""
    places = {path: path.stat().st_size for path in paths if path.exists()}
    while not is_over():
        for path in paths:
            if path.exists():
                lines, places[path] = _lines_from(path, places.get(path, 0))
                yield from ((path, line) for line in lines)
        time.sleep(_POLL_SECONDS)


def _lines_from(path: Path, start: int) -> tuple[list[str], int]:
    """The whole lines after `start`, and where they end. A log that was cut begins anew."""
    size_bytes = path.stat().st_size
    start = 0 if size_bytes < start else start
    with path.open("rb") as file:
        file.seek(start)
        text = file.read(size_bytes - start)
    # A line that is still being written waits for its end.
    whole = text[: text.rfind(b"\n") + 1]
    return whole.decode(errors="replace").splitlines(), start + len(whole)


def _paths(home: Home, name: str | None) -> list[Path]:
    known = sorted(home.log_file("x").parent.glob("*.log"))
    if name is None and known:
        return known
    if name is not None and home.log_file(name) in known:
        return [home.log_file(name)]
    names = ", ".join(path.stem for path in known)
    raise InputInvalid("NAME", f"must be one of {names}" if names else "nothing has run yet")


def _prefixed(path: Path, line: str, width: int) -> str:
    return f"{path.stem:<{width}} | {line}" if width else line
