"""`Idempotency-Key`: a POST sent again is answered again, and not done again.

Belongs here: the dependency that an endpoint names and the middleware that keeps its answer.

    writer = require_scope("quota:consume")

    @router.post("/v1/…", dependencies=[Depends(idempotent(writer))])
    async def endpoint(principal: Annotated[Principal, Depends(writer)]) -> …

A key belongs to the credentials and the route, and stands for one request: the same key with
another body is refused. The first request claims the key in PostgreSQL; its answer is kept for a
day, refusals too, unless they may be otherwise the next moment (401, 403, 429, 5xx). A request that
comes while the first is worked on gets 409 with `Retry-After`. Where a worker dies, the claim ends
after CLAIM_SECONDS and the request is done anew: an endpoint that must not do twice even then
writes `operation_id(request)` with what it changes, in the same transaction.
"""

import hashlib
import re
import time
import uuid
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from fastapi.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.database import pool_of
from serving.problems import Problem
from serving.request_ids import HEADER as REQUEST_ID
from stores.errors import TransientError
from stores.postgres import idempotent_requests
from stores.postgres.idempotent_requests import Claim
from stores.postgres.pool import AsyncPool

KEY_HEADER = b"idempotency-key"
REPLAYED = "Idempotency-Replayed"
CLAIM_SECONDS = 60
KEPT_SECONDS = 24 * 3600
SWEEP_SECONDS = 60.0
BODY_LIMIT_BYTES = 1024 * 1024
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_NOT_KEPT = frozenset({401, 403, 408, 429})
# These belong to an answer sent, not to what was answered.
_NOT_KEPT_HEADERS = frozenset({b"content-length", b"date", b"server", REQUEST_ID})
_NAMESPACE = uuid.UUID("5f0c2c0e-6f0b-4f57-9d0e-0d9a6c9f3f0a")

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Made anew for each new request, such as a UUID. The same request with the"
        " same key is done once and answered the same for 24 hours.",
        examples=["0192f0c1-5f7e-7cc0-98a8-3f1f0a5b7c11"],
    ),
]


class Replay(Exception):
    """The request was answered before; this is that answer."""

    def __init__(self, answer: idempotent_requests.Answer) -> None:
        self.answer = answer
        super().__init__()


def idempotent(needed: Callable[..., Any]) -> Callable[..., Any]:
    """A dependency for a POST; `needed` is what checks its credentials, and is asked first."""

    async def claimed(
        request: Request, credentials: Annotated[Any, Depends(needed)], key: KeyHeader = None
    ) -> None:
        if key is None:
            return
        if not is_key(key):
            detail = "Idempotency-Key: must be 1 to 255 visible ASCII characters"
            raise Problem(422, detail, kind="invalid-idempotency-key")
        claim = Claim(owner_of(request, credentials), _route(request), key, uuid.uuid4())
        pool = pool_of(request.app)
        found = await idempotent_requests.claim(
            pool, claim, await _fingerprint(request), CLAIM_SECONDS, KEPT_SECONDS
        )
        if found is None:
            request.scope["idempotent_claim"] = claim
            return
        if not found.is_same_request:
            raise Problem(
                422,
                "This Idempotency-Key stands for another request; make a new key for a new one.",
                kind="idempotency-key-reused",
            )
        if found.answer is None:
            seconds = max(1, min(5, round(found.claimed_seconds)))
            raise Problem(
                409,
                "The same request is being worked on; send it again in a moment.",
                {"Retry-After": str(seconds)},
                "idempotency-in-progress",
            )
        raise Replay(found.answer)

    return claimed


def is_key(text: str) -> bool:
    """Whether it may be an Idempotency-Key: 1 to 255 visible ASCII characters."""
    return _KEY.fullmatch(text) is not None


def operation_id(request: Request) -> uuid.UUID:
    """The same for every repetition of a request with a key; another for every other request."""
    claim: Claim | None = request.scope.get("idempotent_claim")
    if claim is None:
        return uuid.uuid4()
    return uuid.uuid5(_NAMESPACE, "\n".join((claim.owner, claim.route, claim.key)))


def owner_of(request: Request, credentials: Any) -> str:
    """Whose key it is: by the id of the credentials, else by what was sent to prove them."""
    identity = getattr(credentials, "id", None)
    if identity is not None:
        return f"{getattr(credentials, 'kind', 'key')}:{identity}"
    sent = request.headers.get("authorization", "")
    return hashlib.sha256(sent.encode()).hexdigest()


def _route(request: Request) -> str:
    return f"{request.method} {getattr(request.scope.get('route'), 'path', request.url.path)}"


async def _fingerprint(request: Request) -> bytes:
    found = hashlib.sha256()
    for part in (request.url.path.encode(), request.url.query.encode(), await request.body()):
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.digest()


async def replay(_: Request, error: Exception) -> Response:
    """The former answer, marked as such."""
    assert isinstance(error, Replay)  # noqa: S101  registered for this type only
    answer = error.answer
    response = Response(answer.body, answer.status)
    response.raw_headers = [
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers),
        (b"content-length", str(len(answer.body)).encode()),
        (REPLAYED.lower().encode(), b"true"),
    ]
    return response


class KeepAnswers:
    """Keeps the answer of a claimed request before it is sent, or lets go of the claim."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._swept_at = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold back the answer of a POST that names a key, until it is kept."""
        if scope["type"] != "http" or scope["method"] != "POST" or not _has_key(scope):
            await self._app(scope, receive, send)
            return
        held: list[Message] = []

        async def holding_send(message: Message) -> None:
            held.append(message)

        try:
            await self._app(scope, receive, holding_send)
        except BaseException:
            await self._settle(scope, None, b"")
            raise
        if held:
            body = b"".join(message.get("body", b"") for message in held[1:])
            await self._settle(scope, held[0], body)
        for message in held:
            await send(message)

    async def _settle(self, scope: Scope, start: Message | None, body: bytes) -> None:
        claim: Claim | None = scope.get("idempotent_claim")
        if claim is None:
            return
        pool = pool_of(scope["app"])
        status = start["status"] if start else 500
        is_kept = status < 500 and status not in _NOT_KEPT and len(body) <= BODY_LIMIT_BYTES
        try:
            if start is None or not is_kept:
                await idempotent_requests.release(pool, claim)
            else:
                await idempotent_requests.keep(pool, claim, _answer(start, body))
            await self._sweep(pool)
        except TransientError:
            # The claim ends by itself; what was done has been done and is answered.
            return

    async def _sweep(self, pool: AsyncPool) -> None:
        now = time.monotonic()
        if now - self._swept_at > SWEEP_SECONDS:
            self._swept_at = now
            await idempotent_requests.sweep(pool)


def _answer(start: Message, body: bytes) -> idempotent_requests.Answer:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in start["headers"]
        if name.lower() not in _NOT_KEPT_HEADERS
    ]
    return idempotent_requests.Answer(start["status"], headers, body)


def _has_key(scope: Scope) -> bool:
    return any(name == KEY_HEADER for name, _ in scope["headers"])
