"""How long `interview-data up` takes, cold and warm, and what each process then holds in memory.

    .venv/bin/python bench/start_up.py [--runs 3] [--json]

Cold: an empty home; clusters are created, migrations run. Warm: the same home again.
Each run uses a folder of its own and free ports, so a running platform does not matter,
but it does share the machine: stop it for figures worth keeping.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "interview_data"]
SETTLE_SECONDS = 15
TIMEOUT_SECONDS = 300


def run(home: Path, *arguments: str) -> tuple[float, str]:
    """Seconds and standard output of one command in `home`."""
    began = time.monotonic()
    done = subprocess.run(
        ["/usr/bin/env", f"INTERVIEW_DATA_HOME={home}", *COMMAND, *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{done.stdout}\n{done.stderr}")
    return time.monotonic() - began, done.stdout


def measure(home: Path) -> dict[str, Any]:
    """One cold and one warm start in `home`, and the memory after the warm one."""
    cold, _ = run(home, "up", "--detach")
    try:
        stop, _ = run(home, "down")
        warm, _ = run(home, "up", "--detach")
        time.sleep(SETTLE_SECONDS)
        _, status = run(home, "status", "--json")
    finally:
        run(home, "down")
    services = json.loads(status)["services"]
    memory = {item["name"]: item["memory_bytes"] / 2**20 for item in services}
    return {"cold_seconds": cold, "warm_seconds": warm, "stop_seconds": stop, "memory_mib": memory}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the runs."""

    def median(values: list[float]) -> float:
        return round(statistics.median(values), 1)

    names = ("cold_seconds", "warm_seconds", "stop_seconds")
    found: dict[str, Any] = {name: median([run[name] for run in runs]) for name in names}
    processes = runs[0]["memory_mib"]
    found["memory_mib"] = {
        name: median([run["memory_mib"][name] for run in runs]) for name in processes
    }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    runs = []
    for _ in range(arguments.runs):
        with tempfile.TemporaryDirectory(prefix="start-up-") as folder:
            Path(folder).chmod(0o755)
            runs.append(measure(Path(folder) / "home"))
    found = summary(runs)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"medians of {len(runs)} runs")
    for name in ("cold_seconds", "warm_seconds", "stop_seconds"):
        print(f"  {name:<16} {found[name]:>8}")
    print("memory after a warm start, MiB (proportional set size)")
    for name, value in found["memory_mib"].items():
        print(f"  {name:<16} {value:>8}")


if __name__ == "__main__":
    main()
