"""Each store killed in turn: what needs it says so, all else goes on, and everything comes back.

While a store is away its supervisor is halted, so that it stays away while it is looked at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import psutil
import pytest
from fix_api import serving
from fix_interviews import Interviewing
from fix_stack import RunningStack, StartDisposable, wait_until
from fix_usage import UsageTables

from serving.app import create_app
from stores.clickhouse.client import connect as connect_clickhouse
from stores.local.stack import STORES

WELL_AGAIN_SECONDS = 60


@dataclass
class Site:
    """The API, and the stores that it uses."""

    client: httpx.Client
    running: RunningStack
    paths: dict[str, str]

    def statuses(self) -> dict[str, int]:
        """What each kind of request is answered now."""
        event = {
            "event_id": str(uuid4()),
            "user_id": str(uuid4()),
            "event_type": "page_view",
            "event_data": {},
            "session_id": str(uuid4()),
            "timestamp": datetime.now(UTC).isoformat(),
        }
        found = {name: self.client.get(path) for name, path in self.paths.items()}
        found["events"] = self.client.post("/v1/events", json=[event])
        for answer in found.values():
            if answer.status_code == 503 and "problem" in answer.headers["content-type"]:
                assert answer.headers["retry-after"]
        return {name: answer.status_code for name, answer in found.items()}

    @contextmanager
    def without(self, store: str) -> Iterator[dict[str, object]]:
        """While this store is away; what `/readyz` says of it."""
        name = store.replace("_", "-")
        before = self.running.service(name)
        supervisor = psutil.Process(self.running.process.pid)
        supervisor.suspend()
        try:
            killed = psutil.Process(before["pid"])
            killed.kill()
            wait_until(lambda: killed.status() == psutil.STATUS_ZOMBIE, 10, f"{name} is gone")
            answer = self.client.get("/readyz")
            yield answer.json() | {"code": answer.status_code}
        finally:
            supervisor.resume()
        self.running.wait_restarted(name, before["restart_count"], WELL_AGAIN_SECONDS)
        wait_until(self.is_ready, WELL_AGAIN_SECONDS, f"ready after {name} was away")

    def is_ready(self) -> bool:
        """Whether every store is there."""
        return bool(self.client.get("/readyz").json()["status"] == "ready")


@pytest.fixture
def site(disposable_stack: StartDisposable) -> Iterator[Site]:
    running = disposable_stack(*STORES)
    interviewing = Interviewing(running.environment["DATABASE_URL"])
    interview = interviewing.make()
    scopes = ["events:write", "usage:read", "interviews:read", "analytics:read"]
    headers = interviewing.key("all", scopes)
    [(token,)] = interviewing.execute("SELECT public_link_token FROM interviews")
    tables = UsageTables(connect_clickhouse(running.environment["CLICKHOUSE_URL"]))
    tables.create()
    tables.insert("marts.dim_users", [{"user_id": interviewing.user_id}])
    paths = {
        "health": "/healthz",
        "interview": f"/v1/interviews/{interview}",
        "public": f"/v1/public/interviews/{token}",
        "usage": f"/v1/usage/{interviewing.user_id}",
        "contracts": "/v1/schemas",
        "docs": "/docs",
    }
    with (
        serving(create_app()) as url,
        httpx.Client(base_url=url, headers=headers, timeout=30) as client,
    ):
        yield Site(client, running, paths)


@pytest.mark.timeout(300)
def test_what_needs_no_store_that_is_away_goes_on(site: Site) -> None:
    well = site.statuses()
    assert well == {
        "health": 200,
        "interview": 200,
        "public": 200,
        "usage": 200,
        "contracts": 200,
        "docs": 200,
        "events": 202,
    }
    assert site.is_ready()
    lost = {
        "redis": ("degraded", 200, {}),
        "search": ("degraded", 200, {}),
        "event_bus": ("unavailable", 503, {"events": 503}),
        "clickhouse": ("unavailable", 503, {"usage": 503}),
        # The key was seen a moment ago.
        "postgres": ("unavailable", 503, {"interview": 503, "public": 503}),
    }
    for store, (status, code, changed) in lost.items():
        with site.without(store) as readiness:
            assert readiness["status"] == status, store
            assert readiness["code"] == code, store
            assert list(readiness["affected"]) == [store]  # type: ignore[call-overload]
            assert site.statuses() == well | changed, store
        wait_until(
            lambda: site.statuses() == well,
            WELL_AGAIN_SECONDS,
            f"all is well after {store} was away",
        )
