"""One message to one endpoint: signed, bounded in time, and never redirected.

Belongs here: the request and what its answer means. The signature is that of Standard Webhooks:
HMAC-SHA256 with the endpoint's secret over `id.timestamp.body`.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

from serving.webhooks.targets import Target, parse, resolve
from stores.errors import InputInvalid, StoreUnavailable
from stores.postgres.webhook_queue import Due

SECRET_PREFIX = "whsec_"  # noqa: S105  it marks a secret, and is none
USER_AGENT = "interview-data-webhooks/1"


class Verdict(Enum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True)
class Sent:
    """An attempt that was made."""

    verdict: Verdict
    duration_ms: int
    status_code: int | None = None
    problem: str = ""


def shown(secret: bytes) -> str:
    """A secret as its owner gets it."""
    return SECRET_PREFIX + base64.b64encode(secret).decode()


def signature(secret: bytes, identity: str, timestamp: int, body: str) -> str:
    """The header `webhook-signature`."""
    signed = f"{identity}.{timestamp}.{body}".encode()
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def send(due: Due, seconds: float, *, is_private_allowed: bool) -> Sent:
    """Try once. Raises nothing: whatever happens is what came of it."""
    started = time.monotonic()
    try:
        target = parse(due.url, is_private_allowed=is_private_allowed)
        address = resolve(target, is_private_allowed=is_private_allowed)
        status = _post(target, address, due, seconds)
    except (InputInvalid, StoreUnavailable) as error:
        return Sent(Verdict.FAILED, _since(started), None, str(error))
    except (http.client.HTTPException, OSError) as error:
        return Sent(Verdict.FAILED, _since(started), None, _named(error))
    if 200 <= status < 300:
        return Sent(Verdict.DELIVERED, _since(started), status)
    verdict = Verdict.GONE if status == 410 else Verdict.FAILED
    return Sent(verdict, _since(started), status, f"answered {status}")


def _post(target: Target, address: str, due: Due, seconds: float) -> int:
    timestamp = int(time.time())
    identity = str(due.event_id)
    usual = 443 if target.scheme == "https" else 80
    host = f"[{target.host}]" if ":" in target.host else target.host
    headers = {
        "Host": host if target.port == usual else f"{host}:{target.port}",
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(due.secret, identity, timestamp, due.body),
    }
    connection = http.client.HTTPConnection(target.host, target.port)
    with _stream(target, address, seconds) as stream:
        connection.sock = stream
        connection.request("POST", target.path, due.body.encode(), headers)
        # The body is not read: nobody would look at it, and it may have no end.
        return connection.getresponse().status


@contextmanager
def _stream(target: Target, address: str, seconds: float) -> Iterator[socket.socket]:
    """A connection that is cut when the time is over, however slowly its other end goes on."""
    stream = socket.create_connection((address, target.port), seconds)
    if target.scheme == "https":
        stream = ssl.create_default_context().wrap_socket(
            stream, server_hostname=target.host, do_handshake_on_connect=False
        )
    watchdog = threading.Timer(seconds, _cut, [stream])
    watchdog.daemon = True
    watchdog.start()
    try:
        if isinstance(stream, ssl.SSLSocket):
            stream.do_handshake()
        yield stream
    finally:
        watchdog.cancel()
        stream.close()


def _cut(stream: socket.socket) -> None:
    with contextlib.suppress(OSError):
        socket.socket.shutdown(stream, socket.SHUT_RDWR)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _named(error: Exception) -> str:
    """What a customer may know of it: no address of ours, no body of theirs."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not valid"
    if isinstance(error, TimeoutError):
        return "gave no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "did not take the connection"
    return "gave no answer that can be read"
