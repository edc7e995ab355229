"""The id by which an answer, its problem and the log's lines of one request find each other.

Belongs here: taking or making it. Who writes it where is in `edge.py`, `problems.py` and `logs.py`.
"""

import re
import uuid
from contextvars import ContextVar

HEADER = b"x-request-id"
# What may stand in a log and a header without harm; more than enough for every tracer's ids.
_WELL_FORMED = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", re.ASCII)

request_id: ContextVar[str] = ContextVar("request_id", default="")


def taken_or_made(given: bytes | None) -> str:
    """The caller's id where it is well-formed, else a new one."""
    if given is not None and _WELL_FORMED.fullmatch(given):
        return given.decode("ascii")
    return str(uuid.uuid4())
