"""The outermost layer: what is the same for every request and every answer.

Belongs here: the request's id, the headers that every answer carries, how many requests are worked
on at a time and for how long, the answer to an error that nobody foresaw, and telling the request
to those who measure. One layer and not six: each costs every request some microseconds.
"""

import asyncio
import logging
import time
import traceback

from fastapi.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving import metrics
from serving.logs import log_request
from serving.measuring import Recorder, endpoint_of
from serving.problems import Problem, problem_response, unavailable, unexpected
from serving.request_ids import HEADER as REQUEST_ID
from serving.request_ids import request_id, taken_or_made
from serving.tracing import Tracing

logger = logging.getLogger(__name__)

# For those who ask whether the process lives: they are answered however much there is to do.
_ALWAYS_ANSWERED = frozenset({"/healthz", "/livez", "/readyz", "/metrics"})
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
_NOT_STORED = (b"cache-control", b"no-store")


class Limits:
    """How much at a time and for how long, and who is told; set when the application starts."""

    def __init__(self) -> None:
        self.concurrent_requests = 500
        self.answer_seconds = 60.0
        self.running_count = 0
        self.is_draining = False
        # Whether each request is a line of the log, and to whom it is traced.
        self.is_logging = False
        self.tracing: Tracing | None = None


class Edge:
    """Wraps everything else."""

    def __init__(self, app: ASGIApp, recorder: Recorder, limits: Limits) -> None:
        self._app = app
        self._recorder = recorder
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == REQUEST_ID), None)
        identity = taken_or_made(given)
        request_id.set(identity)
        limits = self._limits
        answer = _Answer(scope, send, identity, is_last=limits.is_draining)
        tracing = limits.tracing
        span = tracing.begin(scope["method"], scope["headers"]) if tracing else None
        started = time.perf_counter()
        limits.running_count += 1
        try:
            if limits.running_count > limits.concurrent_requests:
                await self._turn_away(scope, receive, answer)
            else:
                await self._serve(scope, receive, answer)
        finally:
            limits.running_count -= 1
            seconds = time.perf_counter() - started
            method, route = scope["method"], endpoint_of(scope)
            self._recorder.record(method, route, answer.status, seconds)
            metrics.note(method, route, answer.status, seconds)
            if limits.is_logging:
                log_request(method, route, answer.status, seconds)
            if tracing:
                tracing.end(span, method, route, answer.status)

    async def _turn_away(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        if scope["path"] in _ALWAYS_ANSWERED:
            await self._app(scope, receive, answer.send)
            return
        problem = unavailable("Too many requests are being worked on; try again.", "overloaded")
        await problem_response(problem)(scope, receive, answer.send)

    async def _serve(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            async with asyncio.timeout(self._limits.answer_seconds) as deadline:
                answer.deadline = deadline
                await self._app(scope, receive, answer.send)
        except TimeoutError:
            if not deadline.expired():
                raise
            logger.warning("%s took too long", endpoint_of(scope))
            detail = f"There was no answer within {self._limits.answer_seconds:g} s."
            await answer.instead(problem_response(Problem(504, detail)), scope, receive)
        except Exception as error:
            if answer.is_started:
                raise
            _log(scope, error)
            await answer.instead(unexpected(), scope, receive)


class _Answer:
    """Sends an answer on with the headers that all have, and knows how far it is."""

    def __init__(self, scope: Scope, send: Send, identity: str, *, is_last: bool) -> None:
        self._scope = scope
        self._is_last = is_last
        self._send = send
        self._identity = identity
        self.deadline: asyncio.Timeout | None = None
        self.status = 500
        self.is_started = False

    async def send(self, message: Message) -> None:
        """One message of the answer."""
        if message["type"] == "http.response.start":
            self.is_started = True
            self.status = message["status"]
            message["headers"] = self._with_headers(message.get("headers", []))
            if self.deadline is not None:
                # A long download is no answer that is late.
                self.deadline.reschedule(None)
        await self._send(message)

    async def instead(self, response: Response, scope: Scope, receive: Receive) -> None:
        """Answer with this, unless an answer has begun."""
        self.deadline = None
        if not self.is_started:
            await response(scope, receive, self.send)

    def _with_headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        there = {name for name, _ in headers}
        added = [(REQUEST_ID, self._identity.encode())]
        added += [header for header in _SECURITY_HEADERS if header[0] not in there]
        if self._scope["scheme"] == "https":
            added.append(_STRICT_TRANSPORT)
        if self._is_last:
            # The next request on this connection goes to another server.
            added.append((b"connection", b"close"))
        if b"cache-control" not in there:
            added.append(_NOT_STORED)
        return [*headers, *added]


def _log(scope: Scope, error: Exception) -> None:
    """Where it happened and of what type; its message may hold somebody's data."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    logger.error(
        "%s %s failed: %s at %s", scope["method"], endpoint_of(scope), type(error).__name__, where
    )
