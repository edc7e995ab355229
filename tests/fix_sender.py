"""A client as the documentation asks for: the same batch again, until it is acknowledged.

Belongs here: sending for tests that break something meanwhile.
"""

import http.client
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

PAUSE_SECONDS = 0.02
ANSWER_SECONDS_LIMIT = 20.0


def try_to_send(url: str, path: str, key: str, body: bytes) -> int:
    """The status, 0 where there was no whole answer: then nobody knows what became of it."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(
        str(address.hostname), address.port, timeout=ANSWER_SECONDS_LIMIT
    )
    headers: Mapping[str, str] = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
    }
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
    return answer.status


def send_until_acknowledged(
    url: str, path: str, key: str, body: bytes, seconds: float = 60.0
) -> None:
    """503, 429 and no answer mean the same to a client: wait, and send it again."""
    deadline = time.monotonic() + seconds
    while (status := try_to_send(url, path, key, body)) != 202:
        assert status in (0, 429, 503), status
        assert time.monotonic() < deadline, "never acknowledged"
        time.sleep(PAUSE_SECONDS)
