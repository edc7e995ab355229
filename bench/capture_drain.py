"""The child that `bench.capture` measures: one bounded run of capture, then what it used.

.venv/bin/python -m bench.capture_drain SOURCE_URL PUBLICATION SLOT TARGET_DATABASE
"""

import json
import sys

from bench.capture_stack import TIMEOUT_SECONDS, own_use
from ingestion.cdc.run import drain, options


def main() -> None:
    """Prints one JSON object."""
    source_url, publication, slot, target_database = sys.argv[1:]
    report = drain(
        TIMEOUT_SECONDS,
        options(
            source_url=source_url,
            publication=publication,
            slot=slot,
            target_database=target_database,
        ),
    )
    print(json.dumps({"seconds": report.duration_seconds, **own_use()}))


if __name__ == "__main__":
    main()
