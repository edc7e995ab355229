"""Every route of the OpenAPI document, called with what it allows and with what it does not.

schemathesis makes the calls: no answer may be a failure of ours, have a status or a form that the
document does not know, or let bad input pass. What it finds is printed as commands to repeat it.
The calls are the same in every run.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from fix_api import serving
from fix_interviews import Interviewing, build_operational_models
from fix_usage import UsageTables

from serving.app import create_app
from stores.clickhouse.client import connect as connect_clickhouse
from stores.postgres import api_keys
from stores.postgres.client import connect

# At most 45 seconds, for CI; more examples found the same.
MAX_EXAMPLES = 4
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,negative_data_rejection,"
    "missing_required_header,ignored_auth,unsupported_method,use_after_free,"
    "ensure_resource_availability"
)
TESTS = Path(__file__).resolve().parent.parent
CONFIGURATION = TESTS / "schemathesis.toml"
# The ids in the document's examples, so that they lead to something.
USER = UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7")


@pytest.fixture
def api(
    interviewing: Interviewing,
    clickhouse_url: str,
    redis_url: str,
    event_bus_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[str, str]]:
    """The API with something in each store, and a key that may do everything."""
    monkeypatch.setenv("AUTH_SECRET", "a test's secret of more than 32 characters")
    interviewing.execute(
        "INSERT INTO users (id, email, password_hash) VALUES (%s, 'known@example.com', 'x')", USER
    )
    interviewing.make(user_id=USER)
    build_operational_models(interviewing)
    tables = UsageTables(connect_clickhouse(clickhouse_url))
    tables.create()
    limits = api_keys.Limits(1_000_000, 100_000_000)
    with connect(interviewing.url) as connection:
        key = api_keys.create(connection, "fuzzer", api_keys.SCOPES, limits=limits)
    app = create_app()
    # The document is made when it is first asked for; the fuzzer waits ten seconds for it.
    app.openapi()
    with serving(app) as url:
        yield url, key
    tables.drop()


@pytest.mark.timeout(300)
def test_the_api_is_as_its_document_says(api: tuple[str, str], tmp_path: object) -> None:
    url, key = api
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
            *("run", f"{url}/openapi.json"),
            *("--header", f"Authorization: Bearer {key}"),
            *("--checks", CHECKS, "--max-examples", str(MAX_EXAMPLES)),
            *("--generation-deterministic", "--seed", "1", "--continue-on-failure", "--no-color"),
            *("--request-timeout", "20", "--max-time", "45", "--warnings", "off"),
        ],
        cwd=str(tmp_path),
        env={**os.environ, "PYTHONPATH": str(TESTS), "SCHEMATHESIS_HOOKS": "schemathesis_hooks"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
