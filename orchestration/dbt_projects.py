"""The two dbt projects: where they are, how their connection is told, when they are parsed.

Belongs here: what both the command line and Dagster need to run dbt. Running it inside a
Dagster step is in `dbt_runs.py`. Imports neither dagster nor dbt.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from stores.errors import StateConflict
from stores.settings import (
    REPOSITORY,
    HomeOnly,
    Settings,
    inherited_environment,
    load_settings,
)

PARSE_TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Project:
    """One project: its folder in the sources, and its artifacts in the home."""

    name: str
    # Whether what dbt parsed names the database: of PostgreSQL it does, ClickHouse has but one.
    names_database: bool = False

    @property
    def folder(self) -> Path:
        """Models, macros and tests; nothing is written here."""
        return REPOSITORY / "dbt" / self.name

    @property
    def artifacts(self) -> Path:
        """In the home, so that two homes do not overwrite each other's."""
        return HomeOnly().path / "dbt" / self.name

    @property
    def manifest_path(self) -> Path:
        """What `dbt parse` found, for Dagster."""
        return self.artifacts / "manifest.json"

    @property
    def parsed_path(self) -> Path:
        """The same as dbt keeps it for itself: reading it spares a parse in every run."""
        return self.artifacts / "partial_parse.msgpack"

    @cached_property
    def digest(self) -> str:
        """Changes whenever a file of the project does."""
        found = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in (".sql", ".yml", ".md"):
                found.update(str(path.relative_to(self.folder)).encode() + b"\0")
                found.update(path.read_bytes() + b"\0")
        return found.hexdigest()

    def source_options(self) -> list[str]:
        """The options that name the project, for any dbt command."""
        return ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]

    def options(self) -> list[str]:
        """The options that name the folders, for the commands that build."""
        folder = str(self.artifacts)
        return [*self.source_options(), "--target-path", folder, "--log-path", folder]

    def artifacts_environment(self) -> dict[str, str]:
        """Where dbt writes, for any command: `debug` refuses the option --target-path."""
        return {"DBT_TARGET_PATH": str(self.artifacts), "DBT_LOG_PATH": str(self.artifacts)}

    def ensure_manifest(self) -> dict[str, Any]:
        """The manifest, parsed anew where the files have changed since: about 5 seconds.

        Where it names the database that it is for, another one parses anew too.
        """
        environment = _parse_environment(load_settings())
        database = environment.get("DBT_POSTGRES_DATABASE", "") if self.names_database else ""
        wanted = f"{self.digest} {database}"
        stamp = self.artifacts / "parsed_digest"
        if not (stamp.exists() and stamp.read_text() == wanted):
            self.artifacts.mkdir(parents=True, exist_ok=True)
            self._parse(environment)
            stamp.write_text(wanted)
        manifest: dict[str, Any] = json.loads(self.manifest_path.read_text())
        return manifest

    def _parse(self, environment: Mapping[str, str]) -> None:
        done = subprocess.run(
            [*dbt_command(), "--quiet", "parse", "--no-partial-parse", *self.options()],
            env={**inherited_environment(HomeOnly().path), **environment},
            capture_output=True,
            text=True,
            timeout=PARSE_TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode:
            raise StateConflict(f"dbt/{self.name} cannot be parsed:\n{done.stdout}{done.stderr}")


WAREHOUSE = Project("warehouse")
OPERATIONAL = Project("operational", names_database=True)
PROJECTS = {project.name: project for project in (WAREHOUSE, OPERATIONAL)}


def dbt_command() -> list[str]:
    """dbt's own command line, beside this interpreter."""
    return [str(Path(sys.executable).with_name("dbt"))]


def connection_environment(settings: Settings) -> Mapping[str, str]:
    """What the profiles read; a password under a name that dbt keeps out of its logs."""
    clickhouse = urlsplit(settings.require("clickhouse_url"))
    postgres = urlsplit(settings.require("database_url"))
    return {
        **_parse_environment(settings),
        "DBT_CLICKHOUSE_HOST": clickhouse.hostname or "localhost",
        "DBT_CLICKHOUSE_PORT": str(clickhouse.port or 8123),
        "DBT_CLICKHOUSE_USER": unquote(clickhouse.username or "default"),
        "DBT_ENV_SECRET_CLICKHOUSE_PASSWORD": unquote(clickhouse.password or ""),
        "DBT_CLICKHOUSE_SECURE": str(clickhouse.scheme in ("https", "clickhouses")),
        "DBT_POSTGRES_HOST": postgres.hostname or "localhost",
        "DBT_POSTGRES_PORT": str(postgres.port or 5432),
        "DBT_POSTGRES_USER": unquote(postgres.username or "postgres"),
        "DBT_ENV_SECRET_POSTGRES_PASSWORD": unquote(postgres.password or ""),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def _parse_environment(settings: Settings) -> Mapping[str, str]:
    """What a parse needs: it opens no connection, so that it works without a stack too."""
    if settings.database_url is None:
        return {}
    name = unquote(urlsplit(settings.database_url).path.lstrip("/"))
    return {"DBT_POSTGRES_DATABASE": name} if name else {}
