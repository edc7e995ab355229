"""Ours and others over the same changes: which cases each gets right, how fast, how late.

    .venv/bin/python -m bench.peers install
    .venv/bin/python -m bench.peers cases [--peer NAME] [--case 14] [--json]
    .venv/bin/python -m bench.peers speed [--peer NAME] [--quick] [--json]

Peers are installed beside the platform, in .test-state/peers, which `make clean` removes. Debezium
needs Java 17. Everything runs against a stack of its own in a temporary home.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from bench.capture_stack import REPOSITORY, Stack, machine, running_stack, say
from bench.peers import values as _values
from bench.peers.cases import CASES, Case
from bench.peers.debezium import Debezium
from bench.peers.materialized import Materialized
from bench.peers.our_capture import OurCapture
from bench.peers.peer import Peer, PeerStopped
from bench.peers.run import Run, Wrong
from bench.peers.speed import measure

ENVIRONMENTS = REPOSITORY / ".test-state" / "peers"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")
NAMES = ("ours", "materialized", "debezium")
QUICK_SCALE = 0.1

assert _values, "its cases are in the list once it is imported"


@dataclass
class Mark:
    """A verdict: right, wrong, failed or not run; and what was seen."""

    case: str
    title: str
    peer: str
    verdict: str
    detail: str
    seconds: float


@click.group()
def main() -> None:
    """Measure peers beside ours."""


@main.command()
def install() -> None:
    """Make the environments of the peers."""
    environment = ENVIRONMENTS / "debezium"
    uv = Path(sys.executable).with_name("uv")
    certificates = Path("/etc/ssl/certs/ca-certificates.crt")
    trust = ["--system-certs"] if certificates.exists() else []
    subprocess.run([uv, "venv", "--quiet", "--clear", environment], check=True)
    python = environment / "bin" / "python"
    command: list[str | Path] = [uv, "pip", "install", "--python", python, *trust]
    subprocess.run([*command, "-r", REQUIREMENTS], check=True)


@main.command()
@click.option("--peer", "names", type=click.Choice(NAMES), multiple=True)
@click.option("--case", "numbers", multiple=True, help="Only this number.")
@click.option("--json", "as_json", is_flag=True)
def cases(names: tuple[str, ...], numbers: tuple[str, ...], as_json: bool) -> None:
    """Run the cases through each peer."""
    chosen = [case for case in CASES if not numbers or case.number in numbers]
    marks = []
    with _peers(names or NAMES) as (stack, peers):
        for case in chosen:
            for peer in peers:
                marks.append(_mark(stack, peer, case))
                say(f"{case.number} {peer.name}: {marks[-1].verdict} {marks[-1].detail}")
    if as_json:
        click.echo(json.dumps([asdict(mark) for mark in marks], indent=1))
        return
    _print_marks(marks)


@main.command()
@click.option("--peer", "names", type=click.Choice(NAMES), multiple=True)
@click.option("--quick", is_flag=True, help="A tenth of the rows: does it run at all?")
@click.option("--json", "as_json", is_flag=True)
def speed(names: tuple[str, ...], quick: bool, as_json: bool) -> None:
    """Drain a backlog, then follow a steady stream."""
    before = machine()
    with _peers(names or NAMES) as (stack, peers):
        found = [measure(stack, peer, QUICK_SCALE if quick else 1.0) for peer in peers]
    if as_json:
        click.echo(json.dumps({"machine": before, "speed": [asdict(row) for row in found]}))
        return
    for row in found:
        click.echo("\n".join(f"{name:<20} {value}" for name, value in asdict(row).items()) + "\n")


@contextmanager
def _peers(names: tuple[str, ...]) -> Iterator[tuple[Stack, list[Peer]]]:
    with (
        tempfile.TemporaryDirectory(prefix="bench-peers-", ignore_cleanup_errors=True) as folder,
        running_stack() as stack,
    ):
        base = Path(folder)
        made: dict[str, Any] = {
            "ours": lambda: OurCapture(stack, base),
            "materialized": lambda: Materialized(base),
            "debezium": lambda: Debezium(_python("debezium"), base),
        }
        yield stack, [made[name]() for name in names]


def _python(name: str) -> Path:
    python = ENVIRONMENTS / name / "bin" / "python"
    if not python.exists():
        raise click.ClickException(f"{name} is not installed: python -m bench.peers install")
    return python


def _mark(stack: Stack, peer: Peer, case: Case) -> Mark:
    """The verdict on one peer in one case."""
    began = time.monotonic()
    verdict, detail = ("not run", case.reason) if case.body is None else _run(stack, peer, case)
    seconds = round(time.monotonic() - began, 1)
    return Mark(case.number, case.title, peer.name, verdict, detail, seconds)


def _run(stack: Stack, peer: Peer, case: Case) -> tuple[str, str]:
    assert case.body is not None
    run = Run(stack, peer, stack.new_database("peers"))
    try:
        case.body(run)
    except Wrong as error:
        return "wrong", str(error)
    except PeerStopped as error:
        return "wrong", f"stopped: {error}"
    except Exception as error:
        return "failed", f"{type(error).__name__}: {str(error)[:200]}"
    else:
        return "right", "; ".join(run.notes)
    finally:
        peer.close()
        stack.drop_database(run.source_url)


def _print_marks(marks: list[Mark]) -> None:
    """A table in Markdown: a row for each case, a column for each peer."""
    names = list(dict.fromkeys(mark.peer for mark in marks))
    click.echo("| case | " + " | ".join(names) + " |")
    click.echo("| --- |" + " --- |" * len(names))
    for number, title in dict.fromkeys((mark.case, mark.title) for mark in marks):
        cells = []
        for name in names:
            mark = next(mark for mark in marks if (mark.case, mark.peer) == (number, name))
            detail = mark.detail.replace("|", "/").replace("\n", " ")
            cells.append(f"{mark.verdict}: {detail}" if detail else mark.verdict)
        click.echo(f"| {number}. {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
