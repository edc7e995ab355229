"""What is tried again by itself, and what is not.

Belongs here: telling a store that is away or busy, which another try may find back, from a
mistake, which would only be repeated.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dagster as dg

from stores.errors import TransientError

RETRY_COUNT = 3
RETRY_SECONDS = 10

# What drivers say inside dbt's messages where nobody answered, or a server had no room: timeouts,
# too many queries, network errors, memory.
_TRANSIENT = re.compile(
    r"connection (refused|reset|aborted|closed)|max retries exceeded|timed? ?out|broken pipe"
    r"|server closed the connection|could not connect|remote end closed"
    r"|code: (159|202|209|210|241)\b",
    re.IGNORECASE,
)


def is_transient(message: str) -> bool:
    """Whether a message of dbt's tells of a store that was away or busy."""
    return _TRANSIENT.search(message) is not None


def failure(what: str, messages: Iterable[str]) -> Exception:
    """To be raised: asks for another try if every one of `messages` tells of a store away."""
    told = list(messages)
    text = f"{what} {'; '.join(told)}"
    if all(map(is_transient, told)):
        again = dg.RetryRequested(max_retries=RETRY_COUNT, seconds_to_wait=RETRY_SECONDS)
        again.add_note(text)
        return again
    return dg.Failure(text, allow_retries=False)


@contextmanager
def transient_errors_tried_again() -> Iterator[None]:
    """Around what asks the stores itself: their TransientError asks for another try."""
    try:
        yield
    except TransientError as error:
        raise dg.RetryRequested(RETRY_COUNT, RETRY_SECONDS) from error
