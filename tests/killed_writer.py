"""The event writer as a process that a test kills.

Belongs here: what such a process runs, and nothing that takes long to import.
"""

import os
import threading

from ingestion.events import writer

# Batches follow each other faster than they would, so that every round meets some.
FAST = {"PACE_SECONDS": 0.02, "_BACKOFF_SECONDS": (0.02, 0.1), "REFRESH_SECONDS": 0.1}


def write_until_killed(environment: dict[str, str]) -> None:
    """Follow, with the `environment` of now: it was forked from a process that is older."""
    os.environ.update(environment)
    for name, value in FAST.items():
        setattr(writer, name, value)
    writer.follow(threading.Event())
