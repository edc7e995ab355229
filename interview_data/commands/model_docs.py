"""`model-docs`: dbt's pages of every model, column, test and the lineage, made and served.

Belongs here: asking dbt for them and serving them to this machine. What they say is written
beside the models, in `dbt/`.
"""

import functools
import http.server
import shutil
import subprocess
from pathlib import Path

import click

from stores.errors import StateConflict
from stores.settings import HomeOnly

LOOPBACK = "127.0.0.1"
# The pages hold all they need; this holds them to it.
POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data:; form-action 'none'"
_INDEX = (
    "<!doctype html><title>Models</title><h1>Models</h1><ul>"
    '<li><a href="warehouse.html">warehouse</a>: staging, marts and rollups in ClickHouse'
    '<li><a href="operational.html">operational</a>: read models in PostgreSQL</ul>'
)


@click.command("model-docs")
@click.option("--port", default=8091, show_default=True, help="Port on this machine; 0 takes any.")
@click.option("--only-make", is_flag=True, help="Make the pages, print where they are, and end.")
def model_docs(port: int, only_make: bool) -> None:
    """Make the pages of all dbt models from the running stack, and serve them until Ctrl-C.

    Each is one file that needs no network: it can be mailed, or opened as it is.
    """
    folder = make_pages()
    if only_make:
        click.echo(folder / "index.html")
        return
    with make_server(folder, port) as server:
        click.echo(f"http://{LOOPBACK}:{server.server_port}/ until Ctrl-C")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("ended")


def make_pages() -> Path:
    """The folder with a page for each project; about 15 seconds each."""
    from orchestration.dbt_projects import PROJECTS

    folder = HomeOnly().path / "dbt" / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    for name, project in PROJECTS.items():
        _generate(name)
        shutil.copyfile(project.artifacts / "static_index.html", folder / f"{name}.html")
    (folder / "index.html").write_text(_INDEX)
    return folder


def _generate(name: str) -> None:
    from orchestration.dbt_projects import PROJECTS, connection_environment, dbt_command
    from stores.settings import inherited_environment, load_settings

    settings = load_settings()
    project = PROJECTS[name]
    done = subprocess.run(
        [*dbt_command(), "--quiet", "docs", "generate", "--static", *project.source_options()],
        env={
            **inherited_environment(settings.interview_data_home),
            **connection_environment(settings),
            **project.artifacts_environment(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StateConflict(f"dbt/{name} cannot be described:\n{done.stdout}{done.stderr}")


class _Pages(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
        """Nothing: who reads which page is nobody's business."""


def make_server(folder: Path, port: int) -> http.server.ThreadingHTTPServer:
    """Serves `folder` on this machine only."""
    handler = functools.partial(_Pages, directory=str(folder))
    return http.server.ThreadingHTTPServer((LOOPBACK, port), handler)
