"""Leaving without losing a request: first not ready, a moment later no longer listening.

Belongs here: what SIGTERM does. uvicorn stops listening the moment it comes, while balancers still
send; so its turn comes after API_DRAIN_SECONDS. A second signal does not wait.
"""

import asyncio
import logging
import signal
import threading
from types import FrameType

from serving.edge import Limits

logger = logging.getLogger(__name__)


def drain_at_sigterm(limits: Limits, seconds: float) -> None:
    """Call this on the loop that serves. Does nothing in a thread, where no signal comes."""
    if not seconds or threading.current_thread() is not threading.main_thread():
        return
    former = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        if callable(former):
            former(number, frame)

    def begin(number: int, frame: FrameType | None) -> None:
        if limits.is_draining:
            stop(number, frame)
            return
        limits.is_draining = True
        logger.info("not ready any more; stops listening in %g s", seconds)
        loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, None)

    signal.signal(signal.SIGTERM, begin)
