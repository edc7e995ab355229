"""Requests that were claimed under a client's key, and the answers kept for them.

Belongs here: the table platform.idempotent_requests and nothing of HTTP.
"""

import json
from dataclasses import dataclass
from uuid import UUID

from stores.postgres.pool import AsyncPool

SWEEP_LIMIT = 1000

# A row whose time is over, or whose worker is, is as good as none. A worker's end is not the end of
# its request: only the same request may go on.
_CLAIM = """
INSERT INTO platform.idempotent_requests AS known
    (owner, route, key, fingerprint, claim, claimed_until, expires_at)
VALUES (
    %(owner)s, %(route)s, %(key)s, %(fingerprint)s, %(claim)s,
    now() + make_interval(secs => %(claim_seconds)s),
    now() + make_interval(secs => %(kept_seconds)s)
)
ON CONFLICT (owner, route, key) DO UPDATE SET
    fingerprint = excluded.fingerprint,
    claim = excluded.claim,
    claimed_until = excluded.claimed_until,
    expires_at = excluded.expires_at,
    status = NULL,
    headers = NULL,
    body = NULL
WHERE known.expires_at <= now()
   OR (known.status IS NULL AND known.claimed_until <= now()
       AND known.fingerprint = excluded.fingerprint)
RETURNING claim
"""
_FIND = """
SELECT fingerprint, claim, status, headers, body,
       greatest(extract(epoch FROM claimed_until - now()), 0)::float8 AS claimed_seconds
FROM platform.idempotent_requests
WHERE owner = %(owner)s AND route = %(route)s AND key = %(key)s
"""
_KEEP = """
UPDATE platform.idempotent_requests
SET status = %(status)s, headers = %(headers)s, body = %(body)s
WHERE owner = %(owner)s AND route = %(route)s AND key = %(key)s AND claim = %(claim)s
"""
_RELEASE = """
DELETE FROM platform.idempotent_requests
WHERE owner = %(owner)s AND route = %(route)s AND key = %(key)s AND claim = %(claim)s
    AND status IS NULL
"""
_SWEEP = """
DELETE FROM platform.idempotent_requests WHERE (owner, route, key) IN (
    SELECT owner, route, key FROM platform.idempotent_requests
    WHERE expires_at <= now() LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
"""


@dataclass(frozen=True)
class Claim:
    """One attempt at the request that `owner` calls `key` on `route`."""

    owner: str
    route: str
    key: str
    claim: UUID


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Found:
    """Somebody was here before. `answer` is None while they are still at work."""

    is_same_request: bool
    answer: Answer | None
    claimed_seconds: float


async def claim(
    pool: AsyncPool, wanted: Claim, fingerprint: bytes, claim_seconds: int, kept_seconds: int
) -> Found | None:
    """None where the claim is the caller's now, else what is there. Raises TransientError."""
    parameters = {
        **vars(wanted),
        "fingerprint": fingerprint,
        "claim_seconds": claim_seconds,
        "kept_seconds": kept_seconds,
    }
    # A claim of one's own, sent twice where a connection was closed, is found as one's own.
    if await pool.rows(_CLAIM, parameters):
        return None
    found = await pool.rows(_FIND, parameters)
    if not found:
        # The row ended between the two statements; whoever asks again claims it.
        return Found(True, None, 1.0)
    [row] = found
    if row["claim"] == wanted.claim:
        return None
    answer = None
    if row["status"] is not None:
        headers = [(name, value) for name, value in row["headers"]]
        answer = Answer(row["status"], headers, bytes(row["body"]))
    return Found(bytes(row["fingerprint"]) == fingerprint, answer, row["claimed_seconds"])


async def keep(pool: AsyncPool, done: Claim, answer: Answer) -> None:
    """Keep what was answered, unless another has claimed the request since."""
    headers = json.dumps(answer.headers)
    await pool.rows(
        _KEEP, {**vars(done), "status": answer.status, "headers": headers, "body": answer.body}
    )


async def release(pool: AsyncPool, given_up: Claim) -> None:
    """Let the request be claimed again at once."""
    await pool.rows(_RELEASE, vars(given_up))


async def sweep(pool: AsyncPool) -> None:
    """Forget some of what is older than it is kept."""
    await pool.rows(_SWEEP, {"limit": SWEEP_LIMIT})
