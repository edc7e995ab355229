"""Posting events to the platform's own API, the way any service would.

Belongs here: batches, retries, and what the API answered. A batch may be sent twice, because
every event has an id that counts once.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import urllib3

from ingestion.loaders.report import LoadReport, Posted
from stores.errors import InputInvalid, SettingInvalid, StoreUnavailable
from stores.settings import load_settings

BATCH_EVENTS = 1_000
TIMEOUT_SECONDS = 30.0
GIVE_UP_AFTER_SECONDS = 120.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_BUSY = (429, 502, 503, 504)


@dataclass(frozen=True)
class Outgoing:
    """One event to post: where in the input it comes from, its id, its fields."""

    where: str
    id: str
    fields: dict[str, Any]


class Api:
    """The API at API_URL with API_KEY. One per thread."""

    def __init__(self, url: str | None = None, key: str | None = None) -> None:
        settings = load_settings()
        self._url = (url or settings.require("api_url")).rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {key or settings.require('api_key')}",
            "Content-Type": "application/json",
            "Prefer": "return=minimal",
        }
        timeout = urllib3.Timeout(total=TIMEOUT_SECONDS)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def check(self) -> None:
        """Raises StoreUnavailable naming API_URL where nobody answers there."""
        try:
            self._pool.request("GET", f"{self._url}/healthz")
        except urllib3.exceptions.HTTPError as error:
            raise StoreUnavailable(
                f"API_URL: nobody answers at {self._url}; is `interview-data up` running?"
            ) from error

    def post(self, endpoint: str, batch: Sequence[Outgoing], report: LoadReport) -> list[str]:
        """Post one batch and enter the answer in `report`. Returns the ids it holds."""
        answer = self._send(endpoint, [event.fields for event in batch])
        refused = [each for each in answer.get("receipts", []) if each["status"] == "rejected"]
        gone = {each["index"] for each in refused}
        posted = report.posted.setdefault(endpoint, Posted())
        posted.sent += len(batch)
        posted.duplicates += answer.get("duplicate_count", 0)
        posted.rejected += len(gone)
        posted.accepted += answer.get("accepted_count", len(batch) - len(gone))
        for each in refused:
            for broken in each["problem"]["invalid_parameters"]:
                reason = f"rejected: {broken['field']}: {broken['reason']}"
                report.skip(batch[each["index"]].where, reason)
        taken = [event.id for index, event in enumerate(batch) if index not in gone]
        posted.taken += len(set(taken))
        return taken

    def _send(self, endpoint: str, events: list[dict[str, Any]]) -> dict[str, Any]:
        body = json.dumps(events, ensure_ascii=False).encode()
        give_up_at = time.monotonic() + GIVE_UP_AFTER_SECONDS
        pause = _FIRST_PAUSE_SECONDS
        while True:
            status, answer, retry_after = self._try(endpoint, body)
            if status == 202:
                return answer
            if status not in (0, *_BUSY):
                raise self._refusal(endpoint, status, answer)
            wait = max(pause, retry_after)
            if time.monotonic() + wait > give_up_at:
                raise StoreUnavailable(
                    f"API_URL: {endpoint} has taken no events for {GIVE_UP_AFTER_SECONDS:.0f} s"
                    f" (last answer: {status or 'none'}). Run the same load again later."
                )
            time.sleep(wait)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _try(self, endpoint: str, body: bytes) -> tuple[int, dict[str, Any], float]:
        """Status (0: no answer), the JSON answer, and after how many seconds to try again."""
        # What is loaded happened long ago, which the endpoints for what happens now refuse.
        url = f"{self._url}{endpoint.replace('/v1/', '/v1/backfill/', 1)}"
        try:
            response = self._pool.request("POST", url, body=body, headers=self._headers)
        except urllib3.exceptions.HTTPError:
            return 0, {}, 0.0
        try:
            answer = json.loads(response.data)
        except ValueError:
            answer = {}
        retry_after = response.headers.get("Retry-After", "0")
        seconds = float(retry_after) if retry_after.isdigit() else 0.0
        return response.status, answer if isinstance(answer, dict) else {}, seconds

    def _refusal(self, endpoint: str, status: int, answer: dict[str, Any]) -> Exception:
        if status in (401, 403):
            needed = "it needs the scope events:backfill"
            where = f"{self._url}{endpoint}"
            return SettingInvalid("API_KEY", f"is refused by {where} ({status}); {needed}.")
        detail = answer.get("detail") or answer.get("title") or "no reason given"
        return InputInvalid(endpoint, f"the API answered {status}: {detail}")


def batches(events: Iterable[Outgoing], size: int | None = None) -> Iterator[list[Outgoing]]:
    """The events, `size` at a time; by default BATCH_EVENTS."""
    iterator = iter(events)
    while batch := list(islice(iterator, size or BATCH_EVENTS)):
        yield batch
