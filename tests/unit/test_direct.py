"""What is led past the framework's routing, and what is left to it with nothing lost."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from serving.direct import Direct
from serving.routers import events, quota
from serving.security import Keyring

BODY = b'{"user_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "resource": "storage", "amount": 3}'
HEADERS = {
    "content-type": "application/json",
    "content-length": str(len(BODY)),
    "idempotency-key": "a",
}


def _ask(
    path: str = "/v1/quota/consume",
    parts: tuple[bytes, ...] = (BODY,),
    query: bytes = b"",
    method: str = "POST",
    seconds: float = 5.0,
    **changed: str | None,
) -> tuple[list[Message], bytes | None]:
    """What was answered, and the body that the framework saw, if it was asked."""
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changed.items()}
    settings = SimpleNamespace(api_body_seconds=seconds)
    state = SimpleNamespace(keyring=Keyring(lambda _: None), settings=settings)
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query,
        "headers": [(n.encode(), v.encode()) for n, v in headers.items() if v is not None],
        "app": SimpleNamespace(state=state),
    }
    left = list(parts)
    answered: list[Message] = []
    seen: list[bytes] = []

    async def receive() -> Message:
        if not left:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Message) -> None:
        answered.append(message)

    async def framework(scope: Scope, receive: Receive, send: Send) -> None:
        assert "route" not in scope, "the framework finds its own"
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        seen.append(body)

    app = Direct(framework, events.DIRECT | quota.DIRECT)
    asyncio.run(app(scope, receive, send))
    return answered, seen[0] if seen else None


@pytest.mark.parametrize("path", sorted(events.DIRECT | quota.DIRECT))
def test_a_request_as_it_should_be_does_not_reach_the_framework(path: str) -> None:
    answered, seen = _ask(path)
    # Nobody is known here, so this is as far as it comes.
    assert (answered[0]["status"], seen) == (401, None)


@pytest.mark.parametrize(
    "odd",
    [
        {"path": "/v1/quota/reservations"},
        {"method": "GET"},
        {"query": b"amount=3"},
        {"content_type": "application/json; charset=utf-8"},
        {"content_type": None},
        {"content_encoding": "gzip"},
        {"content_length": None},
        {"content_length": "99999999"},
        {"idempotency_key": None},
        {"idempotency_key": "two words"},
        {"idempotency_key": "k" * 256},
        {"parts": (BODY[:9], BODY[9:40], BODY[40:])},
        {"parts": (b"{",)},
        {"parts": (BODY.replace(b"3", b"0"),)},
        {"parts": (BODY.replace(b"storage", b"videos"),)},
    ],
    ids=str,
)
def test_any_other_is_left_to_the_framework_whole(odd: dict[str, Any]) -> None:
    answered, seen = _ask(**odd)
    assert (answered, seen) == ([], b"".join(odd.get("parts", (BODY,))))


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    answered, seen = _ask(parts=(), seconds=0.05)
    assert (answered[0]["status"], seen) == (408, None)
    assert b"did not arrive within 0.05 s" in answered[1]["body"]
