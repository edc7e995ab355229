"""The last to leave: ends what a supervisor that was killed has left running.

Each child gets a signal from the kernel when the supervisor dies, but it may ignore it,
and its own children get none. This process waits on a pipe from the supervisor; if the
pipe closes without a farewell, it ends every process group in the status file.
Run as a file by an isolated interpreter, so that it is small and imports nothing of ours.
"""

import json
import sys
from pathlib import Path

# An isolated interpreter does not look beside the script by itself.
sys.path.append(str(Path(__file__).parent))
from processes import Identity, end_groups  # type: ignore[import-not-found]

PATIENCE_SECONDS = 5.0


def main(status_file: Path) -> None:
    """Wait for the end of the pipe on standard input."""
    if sys.stdin.buffer.read():
        return
    status = json.loads(status_file.read_text())
    groups = [
        (Identity(service["pid"], service["started"]), service["stop_signal"])
        for service in status["services"]
        if service["pid"]
    ]
    end_groups(groups, PATIENCE_SECONDS)


main(Path(sys.argv[1]))
