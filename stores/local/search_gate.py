"""`python -m stores.local.search_gate`: the search server behind a password.

The server knows no users, so it listens on a port of the loopback that is another each time,
and this process hands on what comes with the password. It also translates for the official
client, which insists on the vendor's names.

Belongs here: the gate as an ASGI application, and the process with its child, which end
together: whichever dies, the supervisor starts both.
"""

import asyncio
import base64
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import click
import urllib3

from stores.local.binaries import program
from stores.search.media_types import PRODUCT, PRODUCT_HEADER, plain
from stores.settings import server_environment

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# As large as Elasticsearch takes by default.
LONGEST_BODY_BYTES = 100 << 20
_CHUNK_BYTES = 1 << 16
_CONNECTION_COUNT = 32
_TIMEOUT = urllib3.Timeout(connect=5, read=300)
# They are of one connection, not of the request, or they are the gate's own.
_OWN_HEADERS = frozenset(
    [
        "authorization",
        "connection",
        "content-length",
        "date",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
_RUN_CHILD = Path(__file__).with_name("run_child.py")


class Gate:
    """Hands on what comes with the user's name and password."""

    def __init__(self, inner_url: str, user: str, password: str) -> None:
        self._expected = base64.b64encode(f"{user}:{password}".encode())
        self._pool = urllib3.connection_from_url(inner_url, maxsize=_CONNECTION_COUNT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        if not self._is_known(headers.get("authorization", b"")):
            await _fail(send, 401, "security_exception", "missing or wrong user or password")
            return
        body = await _body(receive)
        if body is None:
            await _fail(send, 413, "content_too_long_exception", "a body may have 100 MiB")
            return
        texts = {
            name: value.decode("latin-1")
            for name, value in headers.items()
            if name not in _OWN_HEADERS
        }
        await self._hand_on(scope, plain(texts), body, send)

    def _is_known(self, authorization: bytes) -> bool:
        scheme, _, given = authorization.partition(b" ")
        return scheme.lower() == b"basic" and hmac.compare_digest(given.strip(), self._expected)

    async def _hand_on(
        self, scope: Scope, headers: dict[str, str], body: bytes, send: Send
    ) -> None:
        query = scope["query_string"]
        target = (scope["raw_path"] + (b"?" + query if query else b"")).decode("latin-1")
        try:
            response = await asyncio.to_thread(
                self._pool.request,
                scope["method"],
                target,
                body=body or None,
                headers=headers,
                timeout=_TIMEOUT,
                retries=False,
                preload_content=False,
                decode_content=False,
                redirect=False,
            )
        except urllib3.exceptions.HTTPError:
            await _fail(send, 503, "unavailable_exception", "the search server does not answer")
            return
        try:
            await _pass_back(response, send)
        except BaseException:
            # What is left of the answer must not be read as the next one.
            response.close()
            raise
        finally:
            response.release_conn()


async def _pass_back(response: urllib3.BaseHTTPResponse, send: Send) -> None:
    received = {PRODUCT_HEADER: PRODUCT}
    for name, value in response.headers.items():
        if name.lower() not in _OWN_HEADERS or name.lower() == "content-length":
            received[name.lower()] = value
    headers = [(name.encode(), value.encode("latin-1")) for name, value in received.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    chunks: Iterator[bytes] = response.stream(_CHUNK_BYTES, decode_content=False)
    while chunk := await asyncio.to_thread(next, chunks, b""):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where it is too long."""
    parts = bytearray()
    while True:
        message = await receive()
        parts += message.get("body", b"")
        if len(parts) > LONGEST_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(parts)


async def _fail(send: Send, status: int, kind: str, reason: str) -> None:
    error = {"error": {"type": kind, "reason": reason}, "status": status}
    headers = [(b"content-type", b"application/json"), (PRODUCT_HEADER.encode(), PRODUCT.encode())]
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="search"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(error).encode()})


def _start_server() -> tuple["subprocess.Popen[bytes]", str]:
    """The search server, which the kernel ends with this process, and its URL."""
    settings = (os.getpid(), int(signal.SIGKILL), -1, -1, -1)
    server = program("osmem_server", "bin/osmem-server")
    process = subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", str(_RUN_CHILD), *map(str, settings), "--"),
            *(str(server), "-addr", "127.0.0.1:0", "-no-stdin-watch", "-no-ja"),
        ],
        env=server_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101  for the type: it is a pipe
    line = process.stdout.readline()
    if not line:
        sys.exit(f"the search server ended with exit status {process.wait()}")
    return process, str(json.loads(line)["url"])


def _end_with(process: "subprocess.Popen[bytes]") -> None:
    """End this process once the server has ended."""
    assert process.stdout is not None  # noqa: S101  for the type: it is a pipe
    for line in process.stdout:
        sys.stdout.buffer.write(line)
    print(f"the search server ended with exit status {process.wait()}", file=sys.stderr, flush=True)
    os._exit(1)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), required=True)
@click.option("--user", required=True, help="The one user.")
@click.option("--password-file", type=click.Path(path_type=Path, exists=True), required=True)
def main(port: int, user: str, password_file: Path) -> None:
    """Serve the search server's HTTP interface to who has the password."""
    import uvicorn

    # Here, for the kernel's signal follows the thread that made the child: the main one.
    process, url = _start_server()
    threading.Thread(target=_end_with, args=(process,), daemon=True).start()
    uvicorn.run(
        Gate(url, user, password_file.read_text()),
        host="127.0.0.1",
        port=port,
        lifespan="off",
        ws="none",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    # The kernel ends the server; no thread waits for it any more.
    os._exit(0)


if __name__ == "__main__":
    main()
