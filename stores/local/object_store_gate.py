"""The S3 server behind a gate: it serves whoever holds the key pair, and nobody else.

Run as a file by the S3 server's own interpreter, which has none of our dependencies:

    object_store_gate.py PORT KEY_FILE

Belongs here: the gate as an ASGI application, and the process. How a signature is checked
is in `signature_v4.py`. What the server behind would allow to everybody is taken away:
its own pages of administration, and the headers that let any web page read its answers.
"""

import asyncio
import json
import sys
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.sax.saxutils import escape

# An isolated interpreter does not look beside the script by itself.
sys.path.append(str(Path(__file__).parent))
from signature_v4 import (  # type: ignore[import-not-found]
    KeyPair,
    RequestRefused,
    SignedRequest,
    verify,
)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH = "/_ministack/health"
# No bucket's name begins so; the server's own pages do.
_ADMINISTRATION = "/_"
_PRESIGNED = frozenset(
    b"X-Amz-" + name
    for name in (b"Algorithm", b"Credential", b"Date", b"Expires", b"SignedHeaders", b"Signature")
)
# So much of a refused body is read, for a client that sends on reads no answer.
_DISCARDED_BYTES = 1 << 20


class Gate:
    """Hands on what is signed, and the question of health."""

    def __init__(self, application: Application, keys: KeyPair) -> None:
        self._application = application
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (scope["method"], scope["path"]) == ("GET", HEALTH):
            # Without a header that could make it another question.
            bare = {**scope, "query_string": b"", "headers": [(b"host", b"127.0.0.1")]}
            await self._application(bare, receive, _without_cors(send))
            return
        try:
            self._check(scope)
        except RequestRefused as error:
            await _discard(receive)
            await _refuse(scope["method"], error, send)
        else:
            await self._application(_signed_in_header(scope), receive, _without_cors(send))

    def _check(self, scope: Scope) -> None:
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        request = SignedRequest(scope["method"], scope["raw_path"], scope["query_string"], headers)
        verify(request, self._keys)
        if scope["path"].startswith(_ADMINISTRATION):
            raise RequestRefused("AccessDenied", "The server is not administered this way.")


def _signed_in_header(scope: Scope) -> Scope:
    """A presigned request as the server behind takes it.

    It checks the signature of a presigned query, against key pairs of its own, and no other.
    """
    parts = scope["query_string"].split(b"&")
    kept = [part for part in parts if part.partition(b"=")[0] not in _PRESIGNED]
    if len(kept) == len(parts):
        return scope
    found = {name: value for name, _, value in (part.partition(b"=") for part in parts)}
    credential = unquote_to_bytes(found[b"X-Amz-Credential"])
    authorization = b"AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=host, Signature=%s"
    headers = [
        *scope["headers"],
        (b"authorization", authorization % (credential, found[b"X-Amz-Signature"])),
        (b"x-amz-date", found[b"X-Amz-Date"]),
    ]
    return {**scope, "query_string": b"&".join(kept), "headers": headers}


def _without_cors(send: Send) -> Send:
    async def send_without(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [
                (name, value)
                for name, value in message.get("headers", [])
                if not name.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": kept}
        await send(message)

    return send_without


async def _discard(receive: Receive) -> None:
    left = _DISCARDED_BYTES
    while left > 0:
        message = await receive()
        if message["type"] != "http.request" or not message.get("more_body"):
            return
        left -= len(message.get("body", b""))


async def _refuse(method: str, error: RequestRefused, send: Send) -> None:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{error.code}</Code><Message>{escape(str(error))}</Message>"
        f"<RequestId>{uuid.uuid4()}</RequestId></Error>"
    ).encode()
    headers = [(b"content-type", b"application/xml"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})


def main(port: str, key_file: str) -> None:
    """Serve until SIGTERM or SIGINT."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    keys = KeyPair(**json.loads(Path(key_file).read_text()))
    configuration = Config()
    configuration.bind = [f"127.0.0.1:{port}"]
    asyncio.run(serve(Gate(app, keys), configuration))


if __name__ == "__main__":
    main(*sys.argv[1:])
