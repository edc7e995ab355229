"""Requests led past the framework's routing, which may take longer than all that is done for them.

Belongs here: the layer. Which endpoints are worth it and what they answer belongs to their routers.
Their routes stay, for the document, and for every request that such an endpoint leaves to them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import Problem, answer_to
from stores.errors import InputInvalid, TransientError


@dataclass(frozen=True)
class Answer:
    """JSON, and what stands above it."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Left:
    """The framework is to answer. `messages` are those that were received already."""

    messages: tuple[Message, ...] = ()


Serve = Callable[[Request], Awaitable[Answer | Left]]


class Direct:
    """Serves POST requests of these routes. `served` says by what, by the route's path.

    What is answered is the same as by the framework, errors included: a `Serve` may raise Problem
    and whatever becomes one.
    """

    def __init__(self, app: ASGIApp, served: Mapping[str, tuple[APIRoute, Serve]]) -> None:
        self._app = app
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or pass it on."""
        found = None
        if scope["type"] == "http" and scope["method"] == "POST":
            found = self._served.get(scope["path"])
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["route"], serve = found
        request = Request(scope, receive)
        try:
            answer = await serve(request)
        except (Problem, InputInvalid, TransientError) as error:
            await (await answer_to(request, error))(scope, receive, send)
            return
        if isinstance(answer, Left):
            del scope["route"]
            await self._app(scope, _again(answer.messages, receive), send)
            return
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        headers.append((b"content-type", b"application/json"))
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})


def served_by(
    routes: Sequence[object], serves: Mapping[str, Serve]
) -> dict[str, tuple[APIRoute, Serve]]:
    """The routes of a router that are served so. Raises KeyError where there is no such route."""
    by_path = {
        route.path: route
        for route in routes
        if isinstance(route, APIRoute) and "POST" in (route.methods or ())
    }
    return {path: (by_path[path], serve) for path, serve in serves.items()}


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    left = list(messages)

    async def received() -> Message:
        return left.pop(0) if left else await receive()

    return received
